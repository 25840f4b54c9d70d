package memstore_test

import (
	"testing"

	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/memstore"
	"github.com/parelab/pare/tracker/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Harness{New: func(*testing.T) tracker.Store { return memstore.New() }})
}
