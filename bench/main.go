// Command bench measures Phaseline side by side with what people use instead, on
// one machine, in one run, with the same spans and the same ClickHouse. The README
// says what is compared. `make bench` runs it.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/phaseline/phaseline/internal/embedded"
)

func main() {
	embedded.MaybeChild()
	var o options
	flag.IntVar(&o.ingest, "ingest", 200_000, "requests to send to each system, of three spans each")
	flag.IntVar(&o.query, "query", 10_000_000, "requests to ask questions of; a tenth of it is measured too")
	flag.StringVar(&o.phaseline, "phaseline", "bin/phaseline", "phaseline's binary")
	flag.StringVar(&o.peer, "peer", "bin/bench-peer", "the peer's binary")
	flag.StringVar(&o.tables, "tables", "", "a folder to keep the tables of the questions in; where it has some, they are asked of and none are made")
	flag.StringVar(&o.only, "only", "", "ingest, query or core: the other parts are left out")
	flag.BoolVar(&o.alone, "alone", false, "ingest by Phaseline alone, for comparing versions of it")
	flag.Parse()
	if err := o.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	ingest, query   int
	phaseline, peer string
	tables          string
	only            string
	alone           bool
}

func (o options) run(ctx context.Context) (err error) {
	folder, err := os.MkdirTemp("", "phaseline-bench-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			progress("what the processes said is in %s; remove it", folder)
			return
		}
		err = os.RemoveAll(folder)
	}()
	about()
	wanted := func(part string) bool { return o.only == "" || o.only == part }

	if wanted("core") {
		perRequest, allocs := core()
		printCore(perRequest, allocs)
	}
	var runs []ingested
	if wanted("ingest") {
		systems := []*system{phaseline(o.phaseline, onDisk), phaseline(o.phaseline, untilStored)}
		if !o.alone {
			systems = []*system{limit(o.phaseline), peer(o.peer, onDisk), systems[0], peer(o.peer, untilStored), systems[1]}
		}
		for i, s := range systems {
			progress("ingest: %s, %s", s.name, s.mode.name)
			own, err := fresh(folder, fmt.Sprintf("ingest-%d", i))
			if err != nil {
				return err
			}
			result, err := run(ctx, s, o.ingest, own)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, s.mode.name, err)
			}
			progress("ingest: processor time %.1f and %.1f µs a span, %d MB", result.microseconds(result.cpu.collector), result.microseconds(result.cpu.engine), result.peak>>20)
			runs = append(runs, result)
		}
		printIngest(runs)
	}
	if !wanted("query") {
		return nil
	}
	var sets []dataset
	for _, n := range []int{o.query / 10, o.query} {
		own := filepath.Join(cmp.Or(o.tables, folder), fmt.Sprintf("query-%d", n))
		d, err := askPhaseline(ctx, own, n)
		if err != nil {
			return err
		}
		sets = append(sets, d)
		if o.tables != "" {
			continue
		}
		if err := os.RemoveAll(own); err != nil {
			return err
		}
	}
	var other *answered
	for _, r := range runs {
		if r.system.tables == "otel" {
			a, err := askPeer(ctx, r, sets[0].requests)
			if err != nil {
				return err
			}
			other = &a
			break
		}
	}
	printStorage(runs, sets[1])
	printQuestions(sets, other)
	return nil
}

// progress tells who waits what is going on; the tables go to standard output.
func progress(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "%s  "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, arguments...)...)
}
