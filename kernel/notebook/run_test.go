package notebook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parelab/pare/kernel/gonb"
)

// kernel is shared by the tests that execute cells: a start and a first link take most of a second.
var kernel = sync.OnceValues(func() (*gonb.Kernel, error) {
	tools, err := gonb.Build(context.Background(), gonb.BuildOptions{Log: os.Stderr})
	if err != nil {
		return nil, err
	}
	return gonb.Start(context.Background(), gonb.Options{Tools: tools, Env: []string{NotebookEnv + "=/a/b.ipynb"}})
})

var started bool

func TestMain(m *testing.M) {
	code := m.Run()
	if started {
		if k, err := kernel(); err == nil {
			k.Stop()
		}
	}
	os.Exit(code)
}

func sharedKernel(t *testing.T) *gonb.Kernel {
	if testing.Short() {
		t.Skip("runs cells on a real kernel, some seconds; runs without -short")
	}
	started = true
	k, err := kernel()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// book makes a notebook of code cells; a cell may begin with "#tag " lines.
func book(sources ...string) *Notebook {
	nb := &Notebook{Minor: minorVersion}
	for i, s := range sources {
		c := &Cell{ID: fmt.Sprintf("c%d", i+1), Type: Code, Metadata: map[string]any{}}
		for strings.HasPrefix(s, "#") {
			tag, rest, _ := strings.Cut(s, "\n")
			c.Metadata["tags"] = append(anyList(c.Metadata["tags"]), tag[1:])
			s = rest
		}
		c.Source = s
		nb.Cells = append(nb.Cells, c)
	}
	return nb
}

func anyList(v any) []any { list, _ := v.([]any); return list }

func streams(c *Cell, name string) string {
	var b strings.Builder
	for _, o := range c.Outputs {
		if o.Type == StreamOutput && o.Name == name {
			b.WriteString(o.Text)
		}
	}
	return b.String()
}

func TestRunOutputs(t *testing.T) {
	nb := book(
		"%%\nfmt.Println(\"hello\")\nfmt.Fprintln(os.Stderr, \"aside\")\nfmt.Println(os.Getenv(\"PARE_CELL\"), os.Getenv(\"PARE_NOTEBOOK\"))",
		"import \"github.com/janpfeifer/gonb/gonbui\"\n%%\ngonbui.DisplayHTML(\"<b>one</b>\")\ngonbui.UpdateHTML(\"shared\", \"first\")\ngonbui.Sync()",
		"#skip-execution\npanic(1)",
		"%%\ngonbui.UpdateHTML(\"shared\", \"second\")\ngonbui.Sync()\nfmt.Print(\"10%\\r100%\\n\")",
		"#raises-exception\n%%\npanic(\"expected\")",
	)
	nb.Cells[2].Outputs = []*Output{{Type: StreamOutput, Name: "stdout", Text: "stale"}}
	saves, printed := 0, ""
	report, err := Run(t.Context(), nb, RunOptions{Kernel: sharedKernel(t), Save: func() error { saves++; return nil },
		Print: func(_, text string) { printed += text },
		End:   func(n, total int, c *Cell, took float64) { t.Logf("cell %d of %d took %.2f s", n, total, took) }})
	if err != nil {
		t.Fatal(err)
	}
	if report.Executed != 4 || report.Cells != 4 || saves != 4 {
		t.Errorf("report %+v, %d saves", report, saves)
	}
	if got := streams(nb.Cells[0], "stdout"); got != "hello\nc1 /a/b.ipynb\n" {
		t.Errorf("cell 1 wrote %q", got)
	}
	if got := streams(nb.Cells[0], "stderr"); got != "aside\n" {
		t.Errorf("cell 1 wrote %q to stderr", got)
	}
	if n := nb.Cells[0].ExecutionCount; n == 0 || nb.Cells[1].ExecutionCount != n+1 {
		t.Errorf("execution counts %d and %d; expected a step of one", n, nb.Cells[1].ExecutionCount)
	}
	second := nb.Cells[1].Outputs
	if len(second) != 2 || second[0].Data["text/html"] != "<b>one</b>" || second[1].Data["text/html"] != "second" {
		t.Errorf("displays: %+v", second)
	}
	if len(nb.Cells[2].Outputs) != 0 {
		t.Error("a skipped cell kept outputs of a former run")
	}
	if got := streams(nb.Cells[3], "stdout"); got != "100%\n" {
		t.Errorf("a carriage return came out as %q", got)
	}
	if got := nb.Cells[4].Outputs; len(got) == 0 || got[len(got)-1].Type != ErrorOutput {
		t.Errorf("the raising cell's outputs: %+v", got)
	}
	if !strings.Contains(printed, "hello\n") {
		t.Errorf("printed %q", printed)
	}
	timing, _ := nb.Cells[0].Metadata["execution"].(map[string]any)
	for _, field := range []string{"iopub.status.busy", "iopub.status.idle", "iopub.execute_input", "shell.execute_reply"} {
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(timing[field])); err != nil {
			t.Errorf("timing %s: %v", field, err)
		}
	}
}

func TestRunStopsAtFailure(t *testing.T) {
	for _, c := range []struct {
		name, source, reason string
		detail               []string
	}{
		{"compiler", "%%\nx := 1\nfmt.Println(undefinedName)", "does not compile",
			[]string{"line 2: declared and not used: x", "line 3: undefined: undefinedName"}},
		{"syntax", "func f( {\n}", "does not compile", []string{"line 1: "}},
		{"panic", "%%\nvar m map[string]int\nm[\"a\"] = 1", "failed with exit status 2",
			[]string{"panic: assignment to entry in nil map", "] line 3"}},
		{"exit", "%%\nfmt.Fprintln(os.Stderr, \"no such model\")\nos.Exit(3)", "failed with exit status 3", []string{"no such model"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			nb := book("%%\nfmt.Println(\"before\")", c.source, "%%\nfmt.Println(\"after\")")
			nb.Cells[2].Outputs = []*Output{{Type: StreamOutput, Name: "stdout", Text: "stale"}}
			saves := 0
			report, err := Run(t.Context(), nb, RunOptions{Kernel: sharedKernel(t), Save: func() error { saves++; return nil }})
			var failure *CellError
			if !errors.As(err, &failure) {
				t.Fatalf("got %v, want a CellError", err)
			}
			t.Log(err)
			if failure.Number != 2 || failure.ID != "c2" || failure.Reason != c.reason {
				t.Errorf("got %+v, want cell 2 and reason %q", failure, c.reason)
			}
			for _, want := range c.detail {
				if !strings.Contains(failure.Detail, want) {
					t.Errorf("detail lacks %q:\n%s", want, failure.Detail)
				}
			}
			if report.Executed != 2 || saves != 2 {
				t.Errorf("executed %d cells and saved %d times, want 2 and 2", report.Executed, saves)
			}
			if streams(nb.Cells[0], "stdout") != "before\n" || len(nb.Cells[1].Outputs) == 0 || len(nb.Cells[2].Outputs) != 0 {
				t.Errorf("outputs: %d, %d, %d", len(nb.Cells[0].Outputs), len(nb.Cells[1].Outputs), len(nb.Cells[2].Outputs))
			}
		})
	}
}

func TestRunInterrupts(t *testing.T) {
	nb := book("%%\nfmt.Println(\"started\")\ntime.Sleep(time.Minute)", "%%\nfmt.Println(\"after\")")
	nb.Cells[0].Metadata["pare"] = map[string]any{"timeout": "4s"}
	start := time.Now()
	_, err := Run(t.Context(), nb, RunOptions{Kernel: sharedKernel(t), CellTimeout: time.Hour})
	if !errors.Is(err, errCellTimeout) || !strings.Contains(err.Error(), "longer than its timeout of 4s") {
		t.Errorf("got %v, want the cell's timeout", err)
	}
	if took := time.Since(start); took > 40*time.Second {
		t.Errorf("the interrupt took %v", took)
	}
	if streams(nb.Cells[0], "stdout") != "started\n" {
		t.Errorf("the interrupted cell's outputs were lost: %+v", nb.Cells[0].Outputs)
	}

	ctx, cancel := context.WithCancel(t.Context())
	nb = book("%%\nfmt.Println(\"go\")\ntime.Sleep(time.Minute)")
	_, err = Run(ctx, nb, RunOptions{Kernel: sharedKernel(t), Print: func(string, string) { cancel() }})
	var failure *CellError
	if !errors.Is(err, context.Canceled) || !errors.As(err, &failure) {
		t.Errorf("got %v, want a cancelled cell", err)
	}
}

func TestRunNoticesDeadKernel(t *testing.T) {
	sharedKernel(t)
	tools, err := gonb.Build(t.Context(), gonb.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := gonb.Start(t.Context(), gonb.Options{Tools: tools})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Stop()
	nb := book("%%\nfmt.Println(\"alive\")\ntime.Sleep(200*time.Millisecond)\np, _ := os.FindProcess(os.Getppid())\np.Kill()\ntime.Sleep(time.Minute)")
	saved := false
	_, err = Run(t.Context(), nb, RunOptions{Kernel: k, Save: func() error { saved = true; return nil }})
	if err == nil || !strings.Contains(err.Error(), "the kernel is gone") || !saved {
		t.Errorf("got %v, saved %v", err, saved)
	}
	if streams(nb.Cells[0], "stdout") != "alive\n" {
		t.Errorf("outputs: %+v", nb.Cells[0].Outputs)
	}
}

// BenchmarkCell tells what a user waits for: a changed cell that imports the operations.
func BenchmarkCell(b *testing.B) {
	tools, err := gonb.Build(b.Context(), gonb.BuildOptions{Log: os.Stderr})
	if err != nil {
		b.Fatal(err)
	}
	k, err := gonb.Start(b.Context(), gonb.Options{Tools: tools})
	if err != nil {
		b.Fatal(err)
	}
	defer k.Stop()
	for i := 0; b.Loop(); i++ {
		nb := book(fmt.Sprintf("import \"github.com/parelab/pare/gomlxops\"\n%%%%\nfmt.Println(%d, gomlxops.BackendName())", i))
		if _, err := Run(b.Context(), nb, RunOptions{Kernel: k}); err != nil {
			b.Fatal(err)
		}
	}
}
