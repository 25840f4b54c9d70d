package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parelab/pare/tracker"
)

// write prints the report for people, section by section; sections without content are left out.
func (r *trialReport) write(w io.Writer) error {
	sections := []func() *table{r.overview, r.params, r.metrics, r.files, r.origin, r.history}
	titles := []string{"", "hyperparameters", "metrics", "files", "origin", "history"}
	for i, section := range sections {
		t := section()
		if len(t.rows) == 0 {
			continue
		}
		if titles[i] != "" {
			fmt.Fprintf(w, "\n%s\n", titles[i])
			t.indent = "  "
		}
		if err := t.write(w); err != nil {
			return err
		}
	}
	return r.writeSource(w)
}

// pairs is a table of names and values.
func pairs(name, value string) *table {
	return &table{columns: []column{{head: name}, {head: value}}}
}

func (t *table) addIf(name, value string) {
	if value != "" {
		t.add(name, value)
	}
}

func (r *trialReport) overview() *table {
	v, now := r.Trial, time.Now()
	state := string(v.State)
	if v.Best {
		state += ", the study's best"
	}
	t := pairs(fmt.Sprintf("TRIAL %d", v.Number), "OF STUDY "+v.Study)
	t.add("id", v.ID)
	t.add("state", state)
	t.addIf("error", strings.ReplaceAll(v.Error, "\n", " "))
	if v.Value != nil {
		t.add(r.Study.Metric+" "+arrow(r.Study.Direction), number(float64(*v.Value)))
	}
	t.add("started", fmt.Sprintf("%s (%s)", v.Started.Local().Format(time.DateTime), ago(v.Started, now)))
	t.add("took", span(v.Duration(now)))
	if v.State == tracker.Running || v.State == tracker.Lost {
		t.add("last sign", ago(v.Heartbeat, now))
	}
	if v.Progress != nil {
		t.add("progress", progressText(v.Progress))
	}
	if a := v.Search; a != nil {
		t.add("search", fmt.Sprintf("suggestion %d of %s, its point is %s", a.Number, a.Digest, a.Claim))
	}
	t.addIf("tags", strings.Join(v.Tags, ", "))
	t.addIf("note", strings.ReplaceAll(v.Note, "\n", " "))
	return t
}

func (r *trialReport) params() *table {
	t := pairs("NAME", "VALUE")
	t.columns = append(t.columns, column{head: "KIND"})
	for _, name := range slices.Sorted(maps.Keys(r.Trial.Params)) {
		v := r.Trial.Params[name]
		t.add(name, v.String(), string(v.Kind()))
	}
	return t
}

func (r *trialReport) metrics() *table {
	t := &table{columns: []column{{head: "NAME"}, {"LAST", true}, {"AT STEP", true}, {"MIN", true}, {"AT STEP", true}, {"MAX", true}, {"AT STEP", true}, {"POINTS", true}, {"NAN", true}}}
	for _, name := range slices.Sorted(maps.Keys(r.Trial.Metrics)) {
		s := r.Trial.Metrics[name]
		t.add(name, number(float64(s.Last)), fmt.Sprint(s.LastStep), number(float64(s.Min)), fmt.Sprint(s.MinStep),
			number(float64(s.Max)), fmt.Sprint(s.MaxStep), fmt.Sprint(s.Count), count(s.NaN))
	}
	return t
}

func (r *trialReport) files() *table {
	t := &table{columns: []column{{head: "NAME"}, {"BYTES", true}, {head: "WHERE"}}}
	for _, f := range r.Trial.Files {
		where := f.Path
		if f.SHA256 != "" {
			where = "kept, sha256 " + f.SHA256
		}
		t.add(f.Name, fmt.Sprint(f.Size), where)
	}
	return t
}

func (r *trialReport) origin() *table {
	o := r.Trial.Origin
	t := pairs("WHAT", "VALUE")
	t.addIf("notebook", o.Notebook)
	t.addIf("cell", o.Cell)
	t.addIf("command", strings.Join(o.Command, " "))
	t.addIf("directory", o.Directory)
	commit := o.Commit
	if o.Dirty {
		commit += " with uncommitted changes"
	}
	t.addIf("commit", commit)
	t.addIf("go", strings.TrimSpace(o.Go+" "+o.System))
	t.add("cpus", fmt.Sprint(o.CPUs))
	t.addIf("backend", o.Backend)
	t.addIf("device", o.Device)
	t.addIf("process", fmt.Sprint(r.Trial.Process.PID))
	for _, name := range slices.Sorted(maps.Keys(o.Settings)) {
		t.add(name, o.Settings[name])
	}
	for _, name := range slices.Sorted(maps.Keys(o.Seeds)) {
		t.add("seed of "+name, fmt.Sprint(o.Seeds[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Digests)) {
		t.add("digest of "+name, o.Digests[name])
	}
	if n := len(o.Modules); n > 0 {
		t.add("modules", fmt.Sprintf("%d, listed by --json", n))
	}
	return t
}

func (r *trialReport) history() *table {
	t := &table{columns: []column{{"STEP", true}, {"VALUE", true}, {head: "TIME"}}}
	for _, p := range r.History {
		t.add(fmt.Sprint(p.Step), number(float64(p.Value)), p.Time.Local().Format(time.DateTime))
	}
	return t
}

func (r *trialReport) writeSource(w io.Writer) error {
	source := strings.TrimRight(r.Trial.Origin.CellSource, "\n")
	if source == "" {
		return nil
	}
	fmt.Fprint(w, "\ncell source\n")
	for line := range strings.SplitSeq(source, "\n") {
		if _, err := fmt.Fprintln(w, strings.TrimRight("  "+printable(strings.ReplaceAll(line, "\t", "    ")), " ")); err != nil {
			return err
		}
	}
	return nil
}
