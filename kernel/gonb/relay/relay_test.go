package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parelab/pare/kernel/gonb"
	"github.com/parelab/pare/kernel/wire"
)

// python is Debian's, which has jupyter_client as a package.
const python = "/usr/bin/python3"

// seen is what testdata/client.py tells about one step.
type seen struct {
	Step, Status, Type, Stdout, Stderr, Indent string
	Count                                      int
	Kinds, Statuses                            []string
	Parent, Restart                            bool
	Seconds                                    float64
	History                                    [][]any
	Comms                                      map[string]any
	Implementation                             string
}

// TestJupyterClient lets the client that Jupyter uses go through what a kernel has to do.
func TestJupyterClient(t *testing.T) {
	if testing.Short() {
		t.Skip("runs cells on a real kernel, some seconds; runs without -short")
	}
	if out, err := exec.Command(python, "-c", "import jupyter_client").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: the kernel was not tried from Jupyter: %s has no jupyter_client (%v): %s", python, err, out)
	}
	file, done := serve(t)
	cmd := exec.Command(python, filepath.Join("testdata", "client.py"), file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the client: %v\n%s", err, out)
	}
	if err := <-done; err != nil {
		t.Errorf("Serve returned %v after a shutdown", err)
	}
	steps := map[string]seen{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var s seen
		if err := dec.Decode(&s); err != nil {
			t.Fatal(err)
		}
		steps[s.Step] = s
	}
	checkSteps(t, steps)
}

func checkSteps(t *testing.T, steps map[string]seen) {
	ran := []string{"busy", "execute_input", "idle"}
	failed := []string{"busy", "execute_input", "error", "idle"}
	for _, c := range []struct {
		step   string
		status string
		count  int
		kinds  []string
		stdout string
	}{
		{"hello", "ok", 1, ran, "hello\n"},
		{"compiler", "error", 2, failed, ""},
		{"cell id", "ok", 3, ran, "cell-7"},
		{"no history", "ok", 3, ran, "1"},
		{"bare request", "ok", 4, ran, "2"},
		{"interrupted", "error", 6, failed, ""},
		{"interrupted early", "error", 7, failed, ""},
		{"after a forged message", "ok", 8, ran, "alive\n"},
	} {
		s, ok := steps[c.step]
		if !ok {
			t.Errorf("%s: the client did not get there", c.step)
			continue
		}
		if s.Status != c.status || s.Count != c.count || s.Stdout != c.stdout || !s.Parent {
			t.Errorf("%s: %+v; want status %s, count %d, stdout %q, its own parent", c.step, s, c.status, c.count, c.stdout)
		}
		if diff := cmp.Diff(c.kinds, s.Kinds); diff != "" {
			t.Errorf("%s: messages:\n%s", c.step, diff)
		}
	}
	if got := steps["queue"].Statuses; !cmp.Equal(got, []string{"error", "aborted", "aborted"}) {
		t.Errorf("cells queued behind a failing one: %v", got)
	}
	if s := steps["info while busy"]; s.Type != "kernel_info_reply" || s.Seconds > 1 {
		t.Errorf("kernel_info on the control socket while a cell runs: %+v", s)
	}
	for _, step := range []string{"interrupted", "interrupted early"} {
		if s := steps[step]; s.Seconds > 6 {
			t.Errorf("%s: it took %.1f s", step, s.Seconds)
		}
	}
	for step, want := range map[string]seen{
		"interrupt":  {Type: "interrupt_reply"},
		"complete":   {Type: "is_complete_reply", Status: "complete"},
		"incomplete": {Type: "is_complete_reply", Status: "incomplete", Indent: "\t\t"},
		"history":    {Type: "history_reply", Status: "ok", History: [][]any{{1.0, 8.0, "%%\nfmt.Println(\"alive\")"}}},
		"comms":      {Type: "comm_info_reply", Status: "ok", Comms: map[string]any{}},
		"info":       {Type: "kernel_info_reply", Status: "ok", Implementation: "pare"},
		"shutdown":   {Type: "shutdown_reply", Status: "ok"},
	} {
		want.Step = step
		if diff := cmp.Diff(want, steps[step]); diff != "" {
			t.Errorf("%s:\n%s", step, diff)
		}
	}
}

// serve starts a kernel with a relay before it, and returns the connection file for its clients.
func serve(t *testing.T) (file string, done <-chan error) {
	tools, err := gonb.Build(t.Context(), gonb.BuildOptions{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	front := gonb.Connection{Transport: "tcp", IP: "127.0.0.1", Key: "the key", SignatureScheme: "hmac-sha256"}
	for _, port := range []*int{&front.ShellPort, &front.IOPubPort, &front.StdinPort, &front.ControlPort, &front.HBPort} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		*port = l.Addr().(*net.TCPAddr).Port
	}
	file = filepath.Join(t.TempDir(), "kernel-1234.json")
	data, err := json.Marshal(front)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := gonb.Start(t.Context(), gonb.Options{Tools: tools, Key: front.Key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Stop)
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	go func() { ended <- Serve(ctx, Options{Front: front, Kernel: k, Version: "test", Log: t.Logf}) }()
	return file, ended
}

// A kernel that dies under the relay is an error that says so: Jupyter then starts another.
func TestServeReportsDeadKernel(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real kernel; runs without -short")
	}
	tools, err := gonb.Build(t.Context(), gonb.BuildOptions{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	k, err := gonb.Start(t.Context(), gonb.Options{Tools: tools, Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, k.Stop)
	err = Serve(t.Context(), Options{Front: gonb.Connection{Transport: "tcp", IP: "127.0.0.1", Key: "k"}, Kernel: k})
	if err == nil || !strings.Contains(err.Error(), "the kernel is gone") {
		t.Errorf("got %v", err)
	}
}

func TestCompleteness(t *testing.T) {
	for code, want := range map[string]object{
		"":                   {"status": "complete"},
		"%%\nfmt.Println(1)": {"status": "complete"},
		"!ls (":              {"status": "complete"},
		"s := \"{\" // (":    {"status": "complete"},
		"for {":              {"status": "incomplete", "indent": "\t"},
		"f([]int{1,":         {"status": "incomplete", "indent": "\t\t"},
		"s := `a":            {"status": "incomplete", "indent": ""},
		"/* a":               {"status": "incomplete", "indent": ""},
		"x)":                 {"status": "invalid"},
		"}{":                 {"status": "invalid"},
	} {
		if diff := cmp.Diff(want, completeness(code)); diff != "" {
			t.Errorf("%q:\n%s", code, diff)
		}
	}
}

func TestHistory(t *testing.T) {
	history := []entry{{1, "a"}, {2, "b/c"}, {3, "a"}, {4, "d"}}
	for _, c := range []struct {
		query historyQuery
		want  string
	}{
		{historyQuery{Access: "tail", N: 2}, "[[1 3 a] [1 4 d]]"},
		{historyQuery{Access: "tail"}, "[[1 1 a] [1 2 b/c] [1 3 a] [1 4 d]]"},
		{historyQuery{Access: "range", Start: 2, Stop: 4}, "[[1 2 b/c] [1 3 a]]"},
		{historyQuery{Access: "range", Session: -1, Start: 1}, "[]"},
		{historyQuery{Access: "range", Start: 4, Output: true}, "[[1 4 [d <nil>]]]"},
		{historyQuery{Access: "search", Pattern: "b*"}, "[[1 2 b/c]]"},
		{historyQuery{Access: "search", Pattern: "a", Unique: true}, "[[1 1 a]]"},
		{historyQuery{Access: "search", Pattern: "*", N: 1}, "[[1 4 d]]"},
		{historyQuery{Access: "search", Pattern: "["}, "[]"},
	} {
		if got := fmt.Sprint(c.query.find(history)); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.query, got, c.want)
		}
	}
}

// A completed request is signed, and keeps what was given.
func TestCompleteRequest(t *testing.T) {
	key := wire.Key("k")
	m, err := wire.New("s", "execute_request", object{"code": "x", "silent": true})
	if err != nil {
		t.Fatal(err)
	}
	m.Identities = [][]byte{[]byte("id")}
	q := &request{message: m, content: wire.ExecuteRequest{Code: "x", Silent: true}}
	if err := q.complete(key); err != nil {
		t.Fatal(err)
	}
	back, err := key.Decode(q.frames)
	if err != nil {
		t.Fatal(err)
	}
	var content wire.ExecuteRequest
	if err := back.Into(&content); err != nil || content.Code != "x" || !content.Silent || back.Header != m.Header || string(back.Identities[0]) != "id" {
		t.Errorf("got %+v with %+v, %v", back, content, err)
	}
}
