//go:build unix

package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestPullWaitsInVain interrupts a pull that waits for a file which another process is fetching.
func TestPullWaitsInVain(t *testing.T) {
	h, cache := newFakeHub(t)
	lock := filepath.Join(cache, ".locks", "models--org--tiny", digest(h.files["model.safetensors"])+".lock") // huggingface_hub's
	write(t, lock, "")
	other, err := os.Open(lock)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() { _, err := Pull(ctx, "org/tiny", PullOptions{}); ended <- err }()
	select {
	case err := <-ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, expected context.DeadlineExceeded", err)
		}
	case <-time.After(8 * time.Second):
		t.Error("it still waits for the lock")
	}
}
