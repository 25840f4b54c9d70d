package show

import (
	"bytes"
	"encoding/gob"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// TestMain turns the test binary into the program of a cell when asked to.
func TestMain(m *testing.M) {
	if os.Getenv("SHOW_TEST_CELL") != "" {
		p := NewProgress("Working")
		p.Progress("stage", 1, 2)
		time.Sleep(1300 * time.Millisecond)
		p.Progress("stage", 2, 2)
		p.Close()
		Display(Table{Title: "in a cell", Rows: [][]any{{1, "<b>"}}}, "a text")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestInACell runs a program between two named pipes as GoNB does, and plays the kernel: everything must have arrived, in
// order and in both forms, when the program ends.
func TestInACell(t *testing.T) {
	dir := t.TempDir()
	there, back := filepath.Join(dir, "there"), filepath.Join(dir, "back")
	for _, pipe := range []string{there, back} {
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Skipf("no named pipes here: %v", err)
		}
	}
	cell := exec.Command(os.Args[0])
	cell.Env = append(os.Environ(), "SHOW_TEST_CELL=1", protocol.GONB_PIPE_ENV+"="+there, protocol.GONB_PIPE_BACK_ENV+"="+back)
	var stdout bytes.Buffer
	cell.Stdout, cell.Stderr = &stdout, os.Stderr
	if err := cell.Start(); err != nil {
		t.Fatal(err)
	}
	shown, settled := playKernel(t, there, back)
	if err := cell.Wait(); err != nil || stdout.Len() > 0 {
		t.Fatalf("the cell ended with %v and wrote %q", err, stdout.String())
	}
	if !settled {
		t.Error("the program ended without waiting for its last display")
	}
	names := map[string]bool{}
	for i, d := range shown {
		html, plain := d.Data[protocol.MIMETextHTML].(string), d.Data[protocol.MIMETextPlain].(string)
		if parse(t, html); plain == "" {
			t.Errorf("message %d has no text", i)
		}
		names[d.DisplayID] = true
	}
	if len(shown) < 3 || len(names) != 2 {
		t.Fatalf("%d messages under names %v, want one display of progress and two without a name", len(shown), names)
	}
	last := shown[len(shown)-1].Data[protocol.MIMETextPlain].(string)
	before := shown[len(shown)-2].Data[protocol.MIMETextPlain].(string)
	final := shown[len(shown)-3].Data[protocol.MIMETextPlain].(string)
	if last != "a text\n" || !strings.Contains(before, "<b>") || !strings.Contains(final, "2/2") {
		t.Errorf("the last three messages were %q, %q, %q", final, before, last)
	}
}

// playKernel collects what is displayed until the program closes its end, acknowledging each request to synchronise; settled
// says whether such a request came after the last display.
func playKernel(t *testing.T, there, back string) (shown []*protocol.DisplayData, settled bool) {
	t.Helper()
	in, err := os.OpenFile(there, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(back, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	decoder, encoder := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		data := &protocol.DisplayData{}
		if err := decoder.Decode(data); err != nil {
			return shown, settled
		}
		value, ok := data.Data[protocol.MIMECommValue].(protocol.CommValue)
		if !ok {
			shown, settled = append(shown, data), false
			continue
		}
		settled = true
		if err := encoder.Encode(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: value.Value}); err != nil {
			t.Fatal(err)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	if err := Print(&out, "one\ttwo\x1b[31m\nthree", errors.New("bad"), 42, nil); err != nil {
		t.Fatal(err)
	}
	want := "one    two\ufffd[31m\nthree\n\nerror: bad\n\n42\n\n–\n"
	if out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	if err := Print(failing{}, "x"); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("error %v", err)
	}
}
