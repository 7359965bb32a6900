package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"golang.org/x/sync/errgroup"

	"github.com/phaseline/phaseline/collector"
	"github.com/phaseline/phaseline/collector/phaselineextension"
	"github.com/phaseline/phaseline/internal/simulate"
)

const (
	demoPast   = 14 * 24 * time.Hour
	demoMarker = "demo.json"
)

// demoConfig is what the demo changes in the default configuration: a folder of
// its own, and room for two weeks of spans.
const demoConfig = `
exporters:
  phaseline:
    sending_queue:
      storage: file_storage
extensions:
  file_storage:
    directory: ${env:PHASELINE_DEMO_DATA}/queue
  phaseline:
    data_dir: ${env:PHASELINE_DEMO_DATA}
    retention:
      spans: 360h
    dimensions: [cloud.region, app.route, service.instance.id]
`

func newDemoCommand() *cobra.Command {
	var demo *demonstration
	cmd := otelcol.NewCommand(collector.Settings(version(), func(r phaselineextension.Ready) {
		printReady(r)
		demo.start(r)
	}))
	cmd.ResetCommands()
	cmd.Use = "demo"
	cmd.Version = ""
	cmd.Short = "Run with two weeks of simulated traffic, and more of it live"
	cmd.Long = `Starts Phaseline on this machine and sends it the traffic of a simulated company:
six applications in three regions, two kinds of gateway, vLLM, SGLang and a
hosted model. It fills in the last two weeks, the newest hour first, and then
goes on live. From time to time something breaks; this terminal says what.

Its data is in ./phaseline-demo, apart from your own. Start it again to go on
where it stopped, or delete the folder to begin afresh.`
	cmd.Example = `  phaseline demo
  phaseline demo --set extensions.phaseline.api.endpoint=127.0.0.1:9000
  phaseline demo --config file:alertmanager.yaml    # on top of the demo's own configuration`
	cmd.Args = cobra.NoArgs
	folder := cmd.Flags().String("data-dir", "./phaseline-demo", "Folder for the demo's data")
	// Before those of the command line, which have the last word.
	for _, uri := range []string{collector.DefaultURI(), "yaml:" + demoConfig} {
		if err := cmd.Flags().Set("config", uri); err != nil {
			panic(err) // constant
		}
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		d, err := newDemonstration(*folder, cmd.OutOrStdout())
		if err != nil {
			return err
		}
		demo = d
		return os.Setenv("PHASELINE_DEMO_DATA", d.data())
	}
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return errors.Join(run(cmd, args), demo.stop())
	}
	return cmd
}

// demonstration sends simulated traffic to the collector of this process.
type demonstration struct {
	dir  string
	out  io.Writer
	lock *os.File // held while this process uses the folder

	mu    sync.Mutex
	state demoState

	cancel context.CancelFunc
	done   sync.WaitGroup
	once   sync.Once
	err    error
}

// demoState is kept in the demo's folder, which it also marks as one.
type demoState struct {
	Until     time.Time           `json:"until"`   // traffic was sent up to then
	History   []stretch           `json:"history"` // what of the past is not in yet
	Incidents []simulate.Incident `json:"incidents"`
}

// stretch is a part of the past: the two weeks before the first start, or the
// time between two starts. It is simulated with a seed of its own, so that a
// chunk that was sent in part, and is sent again, ends in the same rows.
type stretch struct {
	simulate.Demo
	Chunks int // of it are in
}

// data is where Phaseline itself keeps what it stores.
func (d *demonstration) data() string { return filepath.Join(d.dir, "data") }

// newDemonstration opens the folder of an earlier demo, or a new one. It touches
// no folder that is not a demo's.
func newDemonstration(dir string, out io.Writer) (*demonstration, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	d := &demonstration{dir: dir, out: out}
	text, err := os.ReadFile(filepath.Join(dir, demoMarker))
	if errors.Is(err, os.ErrNotExist) {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return nil, fmt.Errorf("%s has something else in it: choose another folder with --data-dir", dir)
		}
		text, err = []byte("{}"), os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return nil, err
	}
	if d.lock, err = os.Create(filepath.Join(dir, "demo.lock")); err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("another demo uses %s: stop it, or choose another folder with --data-dir", dir)
	}
	if err := json.Unmarshal(text, &d.state); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): delete the folder to begin afresh", filepath.Join(dir, demoMarker), err)
	}
	return d, d.save(func(*demoState) {})
}

// begin notes that the present starts now, and that the time since the last
// start, or two weeks, are to be filled in.
func (d *demonstration) begin(now time.Time) (simulate.Demo, error) {
	demo := simulate.Demo{Seed: uint64(now.UnixNano()), Start: now, Past: min(demoPast, now.Sub(d.state.Until))}
	return demo, d.save(func(s *demoState) {
		s.Until = now
		s.History = append(s.History, stretch{Demo: demo})
		s.Incidents = append(s.Incidents, demo.History()...)
	})
}

// save changes the state and writes it down.
func (d *demonstration) save(change func(*demoState)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.state)
	text, err := json.MarshalIndent(d.state, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(d.dir, demoMarker)
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// start begins to send once the collector can take spans. A reload of the
// configuration calls it again, which changes nothing.
func (d *demonstration) start(r phaselineextension.Ready) {
	d.once.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		d.cancel = cancel
		d.done.Go(func() {
			if err := d.run(ctx, r); err != nil && ctx.Err() == nil {
				d.err = err
				fmt.Fprintln(d.out, "demo: stopped sending:", err)
			}
		})
	})
}

func (d *demonstration) stop() error {
	if d.cancel == nil {
		return nil
	}
	d.cancel()
	d.done.Wait()
	return d.err
}

func (d *demonstration) run(ctx context.Context, r phaselineextension.Ready) error {
	endpoint := ""
	for _, e := range r.Receivers {
		if strings.Contains(e.Protocol, "HTTP") {
			endpoint = e.URL
		}
	}
	if endpoint == "" {
		return errors.New("the configuration has no OTLP/HTTP receiver, which the demo sends to")
	}
	demo, err := d.begin(time.Now())
	if err != nil {
		return err
	}
	endpoint = strings.TrimSuffix(endpoint, "/v1/traces")
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return d.live(ctx, demo, simulate.NewSender(endpoint)) })
	both.Go(func() error { return d.history(ctx, simulate.NewSender(endpoint), r.UI) })
	return both.Wait()
}

// history sends what lies before the start, the newest first.
func (d *demonstration) history(ctx context.Context, sender *simulate.Sender, ui string) error {
	began := time.Now()
	for len(d.state.History) > 0 {
		last := len(d.state.History) - 1
		if err := d.fill(ctx, d.state.History[last], sender, ui); err != nil {
			return fmt.Errorf("history: %w", err)
		}
		if err := d.save(func(s *demoState) { s.History = s.History[:last] }); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.out, "demo: the whole history is in, after %s\n", time.Since(began).Round(time.Second))
	return nil
}

// fill sends what of a stretch is not in yet.
func (d *demonstration) fill(ctx context.Context, s stretch, sender *simulate.Sender, ui string) error {
	told := time.Duration(0)
	for i, c := range s.Demo.Chunks() {
		if i < s.Chunks {
			continue
		}
		err := s.Backfill(c, func(td ptrace.Traces) error {
			if i > 0 {
				makeRoom(ctx, ui)
			}
			return sender.Send(ctx, td)
		})
		if err != nil {
			return err
		}
		if err := d.save(func(state *demoState) { state.History[len(state.History)-1].Chunks = i + 1 }); err != nil {
			return err
		}
		back := s.Start.Sub(time.Unix(0, c.From))
		if i == 0 || back >= told+24*time.Hour {
			told = back.Truncate(24 * time.Hour)
			fmt.Fprintf(d.out, "demo: history of %s is in, %d spans: %s\n", age(back), sender.Spans(), ui)
		}
	}
	return nil
}

// maxLag is how far derivation may fall behind for the sake of the past: the
// present is what people watch.
const maxLag = 3 * time.Second

// makeRoom waits while requests lag behind their spans. It only paces the
// history, so that it gives up silently where the status cannot be had.
func makeRoom(ctx context.Context, ui string) {
	for range 120 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, ui+"/api/v1/status", nil)
		if err != nil {
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		var status struct {
			Store struct {
				Lag time.Duration `json:"derive_lag_ns"`
			}
		}
		err = json.NewDecoder(resp.Body).Decode(&status)
		resp.Body.Close()
		if err != nil || status.Store.Lag < maxLag {
			return
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

func age(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	}
	return fmt.Sprintf("%.0f minutes", d.Minutes())
}

// live sends the present as it happens, and says when something breaks.
func (d *demonstration) live(ctx context.Context, demo simulate.Demo, sender *simulate.Sender) (err error) {
	sim, err := demo.Live()
	if err != nil {
		return err
	}
	incidents := demo.Scenario().Incidents
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	last := demo.Start
	defer func() { err = errors.Join(err, d.save(func(s *demoState) { s.Until = last })) }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for _, td := range simulate.Merge(sim.Advance(now.UnixNano()), 1000) {
				if err := sender.Send(ctx, td); err != nil {
					return err
				}
			}
			if err := d.record(incidents, last, now); err != nil {
				return err
			}
			last = now
		}
	}
}

const saveEvery = 5 * time.Second

// record prints and keeps the incidents that began or ended in (from, to].
func (d *demonstration) record(incidents []simulate.Incident, from, to time.Time) error {
	within := func(t int64) bool { return t > from.UnixNano() && t <= to.UnixNano() }
	var begun []simulate.Incident
	for _, in := range incidents {
		if within(in.From) {
			begun = append(begun, in)
			fmt.Fprintf(d.out, "demo: %s  %s begins: %s\n", time.Unix(0, in.From).Format(time.TimeOnly), in.Kind, in.Label)
		}
		if within(in.To) {
			fmt.Fprintf(d.out, "demo: %s  %s ends\n", time.Unix(0, in.To).Format(time.TimeOnly), in.Kind)
		}
	}
	// After a kill, what was sent since the last save is sent once more.
	if len(begun) == 0 && from.Truncate(saveEvery).Equal(to.Truncate(saveEvery)) {
		return nil
	}
	return d.save(func(s *demoState) {
		s.Incidents = append(s.Incidents, begun...)
		s.Until = to
	})
}
