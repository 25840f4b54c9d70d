package lab

import (
	"fmt"
	"maps"
	"slices"
)

// checkBounds returns an error naming the first bound, in the order of names, that cannot be.
func (s Search) checkBounds() error {
	for _, name := range slices.Sorted(maps.Keys(s.Bounds)) {
		if b := s.Bounds[name]; !(b.Lower >= 0 && b.Lower <= b.Upper && b.Upper <= 1) {
			return fmt.Errorf("bounds of %s: expected ratios from 0 to 1, the lower one first, found %v and %v", name, b.Lower, b.Upper)
		}
	}
	return nil
}

// boundsFit returns an error for a bound of a group that the search does not have.
func (s Search) boundsFit(groups []group) error {
	for _, name := range slices.Sorted(maps.Keys(s.Bounds)) {
		if !slices.ContainsFunc(groups, func(g group) bool { return g.name == name || g.kind() == name }) {
			var names []string
			for _, g := range groups {
				names = append(names, g.name)
			}
			return fmt.Errorf("bounds of %q: expected a group of this search, one of %q, or a kind, found none of this name", name, names)
		}
	}
	return nil
}

// kind is what stands first among a group's labels; "" where groups are kinds themselves.
func (g group) kind() string {
	if len(g.labels) == 0 || g.name == protectedGroup {
		return ""
	}
	return g.labels[0]
}

// bound is what a group may lose. Its own bound goes before that of its kind.
func (s Search) bound(g group) (least, most float64) {
	for _, name := range []string{g.name, g.kind()} {
		if b, ok := s.Bounds[name]; ok {
			return b.Lower, b.Upper
		}
	}
	return 0, s.Upper
}
