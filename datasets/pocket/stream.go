package pocket

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
)

// Stream is one of the world's three supplies of text. No story of one occurs in another: who leads a story, who stands by and
// which thing it is about decide together to which stream it belongs.
type Stream int

// The streams. One combination in sixteen is kept for Calibration and one for Test.
const (
	Train Stream = iota
	Calibration
	Test
)

var streamNames = [...]string{"train", "calibration", "test"}

func (s Stream) String() string {
	if s < Train || s > Test {
		return fmt.Sprintf("Stream(%d)", int(s))
	}
	return streamNames[s]
}

// ParseStream returns the stream called name.
func ParseStream(name string) (Stream, error) {
	for i, n := range streamNames {
		if n == name {
			return Stream(i), nil
		}
	}
	return 0, fmt.Errorf("pocket: stream %q: expected train, calibration or test", name)
}

// streamOf tells which stream the stories of two people and a thing belong to: a fixed mixing of the three numbers (the
// finaliser of SplitMix64, Steele, Lea and Flood, OOPSLA 2014), of which four bits decide.
func streamOf(lead, partner, object int) Stream {
	x := uint64(lead)<<32 | uint64(partner)<<16 | uint64(object)
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	switch (x ^ x>>31) & 15 {
	case 0:
		return Test
	case 1:
		return Calibration
	}
	return Train
}

// Separator stands between stories.
const Separator = "\n\n"

// DefaultSeed is the seed of the published streams and numbers.
const DefaultSeed = 1

// Stories tells the stories of a stream without end. The same stream and seed tell the same stories, on any machine.
func Stories(stream Stream, seed uint64) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := uint64(0); ; i++ {
			if !yield(tell(stream, seed, i).finish()) {
				return
			}
		}
	}
}

// Text returns whole stories of a stream, joined by [Separator], at least size bytes of them. A longer text begins with the
// shorter ones of the same stream and seed.
func Text(stream Stream, size int, seed uint64) string {
	var b strings.Builder
	b.Grow(size + 2048)
	for s := range Stories(stream, seed) {
		if b.Len() > 0 {
			b.WriteString(Separator)
		}
		b.WriteString(s)
		if b.Len() >= size {
			break
		}
	}
	return b.String()
}

// tell makes story number i: each has a generator of its own, so that any can be told alone.
func tell(stream Stream, seed, i uint64) *story {
	rng := rand.New(rand.NewPCG(seed^uint64(stream)<<56, i))
	s := newStory(rng, stream)
	f := forms[rng.IntN(len(forms))]
	s.form = f.name
	f.tell(s)
	return s
}

// finish adds a look back, an ending and, to most stories, questions about what happened with their answers; it returns the text.
func (s *story) finish() string {
	s.later()
	s.ending()
	s.recall()
	return s.text.String()
}
