package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/phaseline/phaseline/internal/simulate"
)

func newSimulateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Simulated LLM serving, for trying things out",
		Example: `  phaseline simulate serve
  phaseline simulate serve --gpu l4 --max-num-seqs 8`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSimulateServeCommand())
	return cmd
}

var simulatedModels = map[string]simulate.Model{
	"llama-3.1-8b": simulate.Llama8B, "llama-3.3-70b": simulate.Llama70B, "qwen3-32b": simulate.Qwen32B,
}

var simulatedGPUs = map[string]simulate.Hardware{"l4": simulate.L4, "a100": simulate.A100, "h100": simulate.H100}

func newSimulateServeCommand() *cobra.Command {
	var listen, otlp, model, gpu, service string
	var gpus, seqs, batched, waiting int
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "An OpenAI-compatible server that answers at the speed of a simulated GPU",
		Long: `Serves /v1/chat/completions, /v1/completions (streamed or not) and /v1/models with
the timing of a continuous-batching engine, and sends the spans that vLLM would.
Point any client or load tester at it. Answers are filler: as many tokens as
max_tokens says; without it 128 in a chat, 16 in a completion.`,
		Example: `  phaseline simulate serve
  phaseline simulate serve --gpu l4 --max-num-seqs 8
  curl -N http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \
    -d '{"model":"llama-3.1-8b","stream":true,"messages":[{"role":"user","content":"Hello"}]}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			shape, ok := simulatedModels[model]
			if !ok {
				return fmt.Errorf("--model %s is not known: choose one of %s", model, names(simulatedModels))
			}
			hardware, ok := simulatedGPUs[gpu]
			if !ok {
				return fmt.Errorf("--gpu %s is not known: choose one of %s", gpu, names(simulatedGPUs))
			}
			if gpus < 1 || seqs < 1 || batched < 1 || waiting < 1 {
				return errors.New("--gpus, --max-num-seqs, --max-num-batched-tokens and --max-waiting must be at least 1")
			}
			engine := simulate.Engine(shape, hardware.Times(gpus))
			if engine.KVTokens < 1024 {
				return fmt.Errorf("%s does not fit on %d × %s: add --gpus or choose a larger --gpu", model, gpus, gpu)
			}
			engine.MaxSeqs, engine.MaxBatchedTokens = seqs, batched

			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			config := simulate.ServerConfig{Model: model, Engine: engine, Service: service, Waiting: waiting}
			var exporting sync.WaitGroup
			if otlp != "" {
				batcher := simulate.NewBatcher()
				config.Export = batcher.Add
				exporting.Go(func() {
					batcher.Run(ctx, simulate.NewSender(strings.TrimSuffix(otlp, "/")), func(err error) {
						fmt.Fprintln(cmd.ErrOrStderr(), "phaseline:", err)
					})
				})
			}
			listener, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Serving %s on %d × %s at http://%s/v1 (%d tokens of KV cache)\n", model, gpus, gpu, listener.Addr(), engine.KVTokens)
			server := &http.Server{Handler: simulate.NewServer(ctx, config), ReadHeaderTimeout: 10 * time.Second}
			go func() {
				<-ctx.Done()
				timeout, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				if server.Shutdown(timeout) != nil {
					server.Close()
				}
			}()
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			exporting.Wait()
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:8000", "Address to serve on")
	f.StringVar(&otlp, "otlp", "http://127.0.0.1:4318", "OTLP/HTTP receiver for its spans; empty sends none")
	f.StringVar(&service, "service-name", "vllm", "service.name of its spans")
	f.StringVar(&model, "model", "llama-3.1-8b", "Model: "+names(simulatedModels))
	f.StringVar(&gpu, "gpu", "a100", "GPU: "+names(simulatedGPUs))
	f.IntVar(&gpus, "gpus", 1, "GPUs that share the model")
	f.IntVar(&seqs, "max-num-seqs", 256, "Sequences in one batch")
	f.IntVar(&batched, "max-num-batched-tokens", 2048, "Tokens of one step, prompt chunks included")
	f.IntVar(&waiting, "max-waiting", 1000, "Requests that may queue; further ones get 503")
	return cmd
}

func names[V any](m map[string]V) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }
