package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parelab/pare/gomlxops"
	"github.com/parelab/pare/internal/durable"
	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
)

// Facts lays the answers out for people: a row for each task and metric.
func (a *Answers) Facts() show.Fragment {
	table := show.Table{
		Title: "Questions to " + a.Model,
		Columns: []show.Column{
			{Name: "task"}, {Name: "version"}, {Name: "metric"}, {Name: "shots"}, {Name: "n", Format: show.Integer}, {Name: "value", Format: "%.4f"},
			{Name: "stderr", Format: "%.4f"}, {Name: "chance", Format: "%.4f"},
		},
		Caption: "Chance is a blind guess. acc takes the likeliest choice, acc_norm the likeliest per character, acc_bytes per byte.",
	}
	for _, r := range a.Results {
		for _, name := range r.Metrics {
			value, err := r.Metric(name)
			if err != nil {
				continue // no task has another
			}
			table.Rows = append(table.Rows, []any{r.Task, r.Version, name, r.Shots, r.N, value.Value, value.StdErr, r.Chance})
		}
		for _, w := range r.Warnings {
			table.Caption += fmt.Sprintf(" %s: %s.", r.Task, w)
		}
	}
	if a.Mean != nil {
		table.Rows = append(table.Rows, []any{"mean", nil, "the first of each", nil, nil, *a.Mean})
	}
	return table
}

// record keeps the answers with a trial: each metric with its standard error, the results, and what was made of every question.
func (a *Answers) record(run *tracker.Run, rec gomlxops.Recorder) error {
	if err := a.report(rec); err != nil {
		return err
	}
	for _, r := range a.Results {
		samples, err := r.samples()
		if err != nil {
			return err
		}
		if err := run.FileBytes(samplesName(r.Task), samples); err != nil {
			return err
		}
	}
	return keep(run, "questions.json", a)
}

// report reports each metric with its standard error.
func (a *Answers) report(rec gomlxops.Recorder) error {
	for _, r := range a.Results {
		for _, name := range r.Metrics {
			value, err := r.Metric(name)
			if err != nil {
				return err
			}
			rec.Metric(metricOf(r.Task, name), 0, value.Value)
			rec.Metric(stderrOf(metricOf(r.Task, name)), 0, value.StdErr)
		}
	}
	return nil
}

// metricOf names a task's metric in the record: "piqa_acc_norm".
func metricOf(task, name string) string { return task + "_" + name }

// metrics lists the names in the record of each task's first metric.
func (q Questions) metrics() (names []string) {
	found, _ := q.find() // NewStudy has refused what is not found
	for _, t := range found {
		names = append(names, metricOf(t.Name, t.Metrics[0]))
	}
	return names
}

func samplesName(task string) string { return "samples_" + task + ".jsonl" }

// samples are what was made of every question, one JSON object a line.
func (r TaskResult) samples() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, answer := range r.Answers {
		if err := enc.Encode(answer); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// SaveSamples writes what was made of every question into a directory, samples_TASK.jsonl for each task: one JSON object a line, with the
// log-likelihoods of all choices. A file that is there is replaced.
func (a *Answers) SaveSamples(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, r := range a.Results {
		samples, err := r.samples()
		if err != nil {
			return err
		}
		if err := durable.WriteFile(filepath.Join(dir, samplesName(r.Task)), samples); err != nil {
			return err
		}
	}
	return nil
}
