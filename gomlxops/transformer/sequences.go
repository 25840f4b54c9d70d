package transformer

import "fmt"

// checkSequences refuses what a run is not defined for, and returns the common length. least is the shortest length that
// the caller can use.
func (c *Config) checkSequences(sequences [][]int32, least int) (length int, err error) {
	if err := CheckTokens(sequences, c); err != nil {
		return 0, err
	}
	length = len(sequences[0])
	if length < least {
		return 0, fmt.Errorf("sequence 0: expected at least %d tokens, found %d", least, length)
	}
	for i, s := range sequences {
		if len(s) != length {
			return 0, fmt.Errorf("sequence %d: expected %d tokens as in sequence 0, found %d; sequences of one run must be equally long", i, length, len(s))
		}
	}
	return length, nil
}

// span is the sequences [first, first+count) of a run, which go through the graph in one call.
type span struct{ first, count int }

// tokensPerCall is how many tokens a call takes where the caller does not choose: enough for products to run at full speed,
// few enough for two calls' temporaries to stay small. An accelerator wants more.
const (
	tokensPerCall    = 2048
	tokensPerCallXLA = 16384
)

// plan cuts n sequences into spans of nearly equal size, at most batch each, none crossing a multiple of align (0 = none).
// Equal sizes keep the number of distinct graphs at two.
func plan(n, batch, align int) (spans []span) {
	if align <= 0 {
		align = n
	}
	for lo := 0; lo < n; lo += align {
		count := min(align, n-lo)
		calls := (count + batch - 1) / batch
		for i := range calls {
			from, to := lo+i*count/calls, lo+(i+1)*count/calls
			spans = append(spans, span{from, to - from})
		}
	}
	return spans
}

// residentBytes bounds the activations that lie between blocks while the stream goes from one block to the next; more
// sequences than fit go through the model in turns, each reading the weights once more.
const residentBytes = 512 << 20

// turns groups spans so that the activations of a group, bytes for each sequence, fit limit. A group has at least one span.
func turns(spans []span, bytes, limit int64) (groups [][]span) {
	var used int64
	for _, s := range spans {
		size := int64(s.count) * bytes
		if len(groups) == 0 || used+size > limit {
			groups, used = append(groups, nil), 0
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], s)
		used += size
	}
	return groups
}
