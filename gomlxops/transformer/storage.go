package transformer

import (
	"cmp"
	"maps"
	"slices"
)

// Storage says how a model's tensors lie in its files, whatever its configuration says of them.
type Storage struct {
	Bytes  int64    // of the tensors that the model uses
	DTypes []string // torch's names of their types, that of the most numbers first
	Unused []string // tensors of the files that the model passes over, by the files' names, sorted
}

// Storage looks at the headers of the model's files; it reads no weights.
func (m *Model) Storage() Storage {
	var s Storage
	numbers := map[string]int64{}
	used := map[string]bool{}
	for _, name := range m.used() {
		name = m.spell(name)
		t := m.tensors[name]
		used[name] = true
		s.Bytes += int64(len(t.data))
		numbers[torchNames[t.dtype]] += int64(len(t.data) / dtypeSizes[t.dtype])
	}
	s.DTypes = slices.SortedFunc(maps.Keys(numbers), func(a, b string) int {
		return cmp.Or(cmp.Compare(numbers[b], numbers[a]), cmp.Compare(a, b))
	})
	for _, name := range slices.Sorted(maps.Keys(m.tensors)) {
		if !used[name] {
			s.Unused = append(s.Unused, name)
		}
	}
	return s
}
