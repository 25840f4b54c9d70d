package covariance

import (
	"fmt"

	"github.com/parelab/pare/gomlxops/transformer"
)

// Shortage is a warning: a kind of site has too few calibration tokens for a covariance of full rank, so that some directions
// look as though they never varied.
type Shortage struct {
	Site      transformer.Site
	Dim       int // directions of the site
	Rank      int // most that these tokens can tell: one less than a group's tokens, summed over groups
	Sequences int // sequences of this length, in this many groups, that would do
}

// String says what is short and what would do.
func (s Shortage) String() string {
	return fmt.Sprintf("%s: the calibration tokens tell at most %d of %d directions; %d sequences would do", s.Site, s.Rank, s.Dim, s.Sequences)
}

// Warnings lists the kinds of site that have too few tokens, in forward order. None is an error: decompositions stay well
// defined, and directions without data are the first to be dropped.
func (m *Moments) Warnings() []Shortage {
	var short []Shortage
	seen := map[transformer.Site]bool{}
	for _, s := range m.Stats {
		rank := s.Count() - len(s.Groups)
		if rank >= s.Dim || seen[s.Site] {
			continue
		}
		seen[s.Site] = true
		perGroup := (s.Dim + m.Groups + m.Length*m.Groups - 1) / (m.Length * m.Groups) // sequences, rounded up
		short = append(short, Shortage{s.Site, s.Dim, rank, perGroup * m.Groups})
	}
	return short
}
