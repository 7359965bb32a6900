package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// about says on what the numbers were measured.
func about() {
	version, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		version = []byte("unknown")
	}
	fmt.Printf("%s, %d cores (%s), load %s, %s, phaseline %s\n", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), processor(),
		firstField("/proc/loadavg"), runtime.Version(), strings.TrimSpace(string(version)))
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func firstField(file string) string {
	text, _ := os.ReadFile(file)
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// table prints rows of cells in columns, as Markdown.
func table(title string, rows ...[]string) {
	fmt.Printf("\n%s\n\n", title)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', tabwriter.Debug)
	for i, row := range rows {
		fmt.Fprintln(w, "| "+strings.Join(row, "\t ")+"\t")
		if i == 0 {
			fmt.Fprintln(w, "|"+strings.Repeat("---\t", len(row)))
		}
	}
	_ = w.Flush()
}

func printCore(perRequest time.Duration, allocs int64) {
	table("Read and decompose one request of three spans",
		[]string{"", "measured", "goal", ""},
		[]string{"processor time", perRequest.String(), coreGoal.String(), verdict(float64(perRequest) <= float64(coreGoal))},
		[]string{"allocations", fmt.Sprint(allocs), fmt.Sprint(coreAllocsGoal), verdict(allocs <= coreAllocsGoal)})
}

func printIngest(runs []ingested) {
	rows := [][]string{{"system", "acknowledges by", "spans/s per core", "ratio", "CPU µs/span: collector", "engine", "spans/s", "peak memory MB", "longest derive lag"}}
	for _, r := range runs {
		ratio, lag := "", ""
		if other := peerOf(runs, r); other != nil {
			ratio = fmt.Sprintf("%.2f", r.perCore()/other.perCore())
			lag = r.maxLag.Round(10 * time.Millisecond).String()
		}
		n := float64(r.load.spans)
		rows = append(rows, []string{r.system.name, r.system.mode.name, fmt.Sprintf("%.0f", r.perCore()), ratio,
			fmt.Sprintf("%.2f", r.microseconds(r.cpu.collector)), fmt.Sprintf("%.2f", r.microseconds(r.cpu.engine)),
			fmt.Sprintf("%.0f", n/r.wall.Seconds()), fmt.Sprint(r.peak >> 20), lag})
	}
	table(fmt.Sprintf("Ingest of %d spans (goal: twice the peer's spans/s per core, under 400 MB)", runs[0].load.spans), rows...)
}

// peerOf is the peer's run in the mode of one of Phaseline's; nil for the others.
func peerOf(runs []ingested, r ingested) *ingested {
	for i := range runs {
		if other := &runs[i]; r.system.tables == "phaseline" && other.system.tables == "otel" && other.system.mode == r.system.mode {
			return other
		}
	}
	return nil
}

func printStorage(runs []ingested, d dataset) {
	rows := [][]string{{"bytes on disk for each request", "Phaseline", "peer", "ratio", "goal"}}
	for _, r := range runs {
		other := peerOf(runs, r)
		if other == nil {
			continue
		}
		n := float64(r.load.requests)
		hours := d.hourSize / float64(d.requests)
		own, theirs := (r.tables["spans"]+r.tables["requests"])/n+hours, other.tables["otel_traces"]/n
		rows = append(rows,
			[]string{"three spans", fmt.Sprintf("%.1f", r.tables["spans"]/n), fmt.Sprintf("%.1f", theirs), "", ""},
			[]string{"request row", fmt.Sprintf("%.1f", r.tables["requests"]/n), "", "", "65 " + verdict(r.tables["requests"]/n <= 65)},
			[]string{"hours", fmt.Sprintf("%.1f", hours), "", "", ""},
			[]string{"all", fmt.Sprintf("%.1f", own), fmt.Sprintf("%.1f", theirs), fmt.Sprintf("%.2f", own/theirs), "0.9 " + verdict(own <= 0.9*theirs)})
		break
	}
	if len(rows) > 1 {
		table("Storage, every table merged", rows...)
	}
}

func printQuestions(sets []dataset, other *answered) {
	small, large := sets[0], sets[1]
	rows := [][]string{{"question", fmt.Sprintf("p95, %s", count(small.requests)), "first, " + count(large.requests), "p50, " + count(large.requests), "p95, " + count(large.requests), "goal", "growth of p50"}}
	for i, a := range large.answers {
		before := small.answers[i]
		rows = append(rows, []string{a.name, ms(before.p95), ms(a.first), ms(a.p50), ms(a.p95), fmt.Sprintf("%d ms %s", a.goal.Milliseconds(), verdict(a.p95 <= a.goal)),
			fmt.Sprintf("×%.1f", float64(a.p50)/float64(before.p50))})
	}
	table(fmt.Sprintf("Questions, %d days, 40 series", days), rows...)
	rows = [][]string{{"state", count(small.requests), count(large.requests)}}
	rows = append(rows, []string{"bytes for each request row", fmt.Sprintf("%.1f", small.requestBytes), fmt.Sprintf("%.1f", large.requestBytes)},
		[]string{"hours, MB", fmt.Sprintf("%.1f", small.hourSize/1e6), fmt.Sprintf("%.1f", large.hourSize/1e6)})
	table("State as data grows", rows...)
	if other == nil {
		return
	}
	for i, a := range small.answers {
		if a.name == longQuestion {
			table("The long question against the peer's table", []string{"", "Phaseline p50", "peer p50", "ratio", "goal"},
				[]string{count(small.requests) + " requests", ms(a.p50), ms(other.p50), fmt.Sprintf("%.0f", float64(other.p50)/float64(a.p50)), "20 " + verdict(other.p50 >= 20*a.p50)},
				[]string{count(large.requests) + " requests", ms(large.answers[i].p50), "not measured", "", ""})
		}
	}
}

func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "missed"
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

func count(n int) string {
	if n >= 1_000_000 {
		return fmt.Sprintf("%g M", float64(n)/1e6)
	}
	return fmt.Sprintf("%g k", float64(n)/1e3)
}
