package transformer

import (
	"runtime/debug"
	"testing"
)

// The collector's percentage is as it was when all runs of large models are over.
func TestFrugal(t *testing.T) {
	percent := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	one, two := beFrugal(), beFrugal()
	if percent() != frugalPercent {
		t.Errorf("%d percent", percent())
	}
	one()
	one()
	if percent() != frugalPercent {
		t.Errorf("%d percent while one still runs", percent())
	}
	if two(); percent() != 77 {
		t.Errorf("%d percent afterwards", percent())
	}
	debug.SetGCPercent(10)
	done := beFrugal()
	if percent() != 10 {
		t.Errorf("%d percent where the user chose 10", percent())
	}
	if done(); percent() != 10 {
		t.Errorf("%d percent afterwards", percent())
	}
}

func TestBlockBytes(t *testing.T) {
	c := benchConfig(2048, 256, 640, 4, 8, 4)
	if got, want := c.blockBytes(), int64(4*(256*256*2+2*128*256+3*640*256)); got != want {
		t.Errorf("%d, want %d", got, want)
	}
}
