package importance

import "fmt"

// Axis says along which axis of a weight [out, in] something lies.
type Axis string

// Rows are a linear's outputs and a norm's channels, Columns are a linear's inputs.
const (
	Rows    Axis = "rows"
	Columns Axis = "columns"
)

// Member is a weight whose rows or columns belong to the channels of a group.
type Member struct {
	Weight string // by its name in the checkpoint, without ".weight"
	Axis   Axis
	// Channel tells for each row or column its channel in the group, −1 where it belongs to none; several may share one and are added up.
	// nil is each its own.
	Channel []int
	Step    int // position in the order of execution, for Last
}

// Group is a set of weights that must be cut together, channel by channel. The first member is the root, the second the one that the dependency graph
// lists next.
type Group struct {
	Name     string // for messages and tables
	Channels int
	Members  []Member
}

// SharedHeads maps the rows of heads query heads of dim channels to the channels of kv key/value heads: those of query head
// h belong to key/value head h/(heads/kv), channel by channel. (LLM-Pruner's program maps row i to channel i mod kv·dim instead, and so
// adds up heads that are not cut together.)
//
// Heads that the key/value heads do not divide are an error.
func SharedHeads(heads, kv, dim int) ([]int, error) {
	if heads < 1 || kv < 1 || dim < 1 || heads%kv != 0 {
		return nil, fmt.Errorf("shared heads: expected a multiple of %d key/value heads of %d channels, found %d heads", kv, dim, heads)
	}
	channel := make([]int, heads*dim)
	for i := range channel {
		channel[i] = i/dim/(heads/kv)*dim + i%dim
	}
	return channel, nil
}

// Channels scores the channels of a group: each member's vector is brought to the group's channels, then the members are aggregated,
// channel by channel. An unknown member or criterion, and a mapping that does not fit, are errors that name group and member.
func (s *Scores) Channels(by Criterion, g Group, how Aggregation) ([]float64, error) {
	if len(g.Members) == 0 || g.Channels < 1 {
		return nil, fmt.Errorf("group %s: expected members and channels, found %d and %d", g.Name, len(g.Members), g.Channels)
	}
	members, err := g.choose(how)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", g.Name, err)
	}
	vectors := make([][]float64, len(members))
	for i, m := range members {
		if vectors[i], err = s.vector(by, m, g.Channels); err != nil {
			return nil, fmt.Errorf("group %s: %s: %w", g.Name, m.Weight, err)
		}
	}
	if len(vectors) == 1 {
		return vectors[0], nil
	}
	return aggregate(vectors, how)
}

// choose returns the members that an aggregation looks at.
func (g Group) choose(how Aggregation) ([]Member, error) {
	at := 0
	switch how {
	case First:
	case Second:
		at = 1
	case Last:
		for i, m := range g.Members {
			if m.Step >= g.Members[at].Step {
				at = i
			}
		}
	default:
		_, err := ParseAggregation(string(how))
		return g.Members, err
	}
	if at >= len(g.Members) {
		return nil, fmt.Errorf("aggregation %s: expected at least two members, found %d", how, len(g.Members))
	}
	return g.Members[at : at+1], nil
}

// vector returns a member's scores by channel of its group.
func (s *Scores) vector(by Criterion, m Member, channels int) ([]float64, error) {
	w, err := s.Of(m.Weight)
	if err != nil {
		return nil, err
	}
	v, err := w.Vector(by, m.Axis)
	if err != nil {
		return nil, err
	}
	if m.Channel != nil && len(m.Channel) != len(v) || m.Channel == nil && len(v) != channels {
		return nil, fmt.Errorf("expected a channel for each of %d %s, found %d of %d channels", len(v), m.Axis, len(m.Channel), channels)
	}
	sums := make([]float64, channels)
	for i, x := range v {
		c := i
		if m.Channel != nil {
			c = m.Channel[i]
		}
		switch {
		case c >= channels || c < -1:
			return nil, fmt.Errorf("%s %d: expected one of %d channels or −1, found %d", m.Axis, i, channels, c)
		case c >= 0:
			sums[c] += x
		}
	}
	return sums, nil
}

// aggregate reduces vectors of one length, channel by channel.
func aggregate(vectors [][]float64, how Aggregation) ([]float64, error) {
	out, column := make([]float64, len(vectors[0])), make([]float64, len(vectors))
	for c := range out {
		for i, v := range vectors {
			column[i] = v[c]
		}
		var err error
		if out[c], err = how.reduce(column); err != nil {
			return nil, err
		}
	}
	return out, nil
}
