package lab

import (
	"github.com/parelab/pare/kernel/show"
	"github.com/parelab/pare/tracker"
	"github.com/parelab/pare/tracker/boltstore"
)

// Lab is where attempts are made: a home for results, a record, and someone to tell how far things are.
type Lab struct {
	Home  string        // directory of results
	Store tracker.Store // record of trials

	// Watch shows the progress of a long operation under a title; nil means show.NewProgress.
	Watch func(title string) Watcher

	texts map[string]*Tokens // read already, by model, name and part; nil keeps none
}

// Watcher is told how an operation goes, and closed at its end.
type Watcher interface {
	Metric(name string, step int, value float64)
	Progress(stage string, done, total int)
	Close()
}

// New opens the lab of the working directory. See [Home].
func New() (*Lab, error) {
	home, err := Home()
	if err != nil {
		return nil, err
	}
	path, err := TrackerPath()
	if err != nil {
		return nil, err
	}
	store, err := boltstore.Open(path)
	if err != nil {
		return nil, err
	}
	return &Lab{Home: home, Store: store, texts: map[string]*Tokens{}}, nil
}

func (l *Lab) watch(title string) Watcher {
	if l.Watch != nil {
		return l.Watch(title)
	}
	return show.NewProgress(title)
}
