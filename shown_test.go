package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parelab/pare/kernel/notebook"
)

// TestShownParameters reads the commands that notebooks and documents show: what they give to a notebook with -p is one of its parameters.
func TestShownParameters(t *testing.T) {
	run := regexp.MustCompile(`pare run (notebooks/\S+\.ipynb)((?:\s+(?:\\\s+)?-p \S+)*)`)
	set := regexp.MustCompile(`-p (\w+)=`)
	texts := map[string]string{}
	files, err := filepath.Glob("notebooks/*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		nb, err := notebook.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range nb.Cells {
			texts[path] += c.Source + "\n"
		}
	}
	for _, path := range []string{"README.md", "CONTRIBUTING.md"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = string(data)
	}
	checked := 0
	for path, text := range texts {
		for _, shown := range run.FindAllStringSubmatch(text, -1) {
			nb, err := notebook.Read(shown[1])
			if err != nil {
				t.Errorf("%s shows %q: %v", path, shown[0], err)
				continue
			}
			parameters, err := nb.Parameters()
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range set.FindAllStringSubmatch(shown[2], -1) {
				checked++
				if !slices.ContainsFunc(parameters, func(known notebook.Parameter) bool { return known.Name == p[1] }) {
					t.Errorf("%s shows %q, but the notebook has no parameter %s", path, strings.Join(strings.Fields(shown[0]), " "), p[1])
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("checked %d parameters, expected those of some commands", checked)
	}
	t.Logf("checked %d parameters", checked)
}
