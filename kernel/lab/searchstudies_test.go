package lab

import (
	"reflect"
	"testing"
)

// The same search in two studies of one store is two searches, with the same trials.
func TestSearchInTwoStudies(t *testing.T) {
	l := newTestLab(t)
	m := openTiny(t, l)
	var found []*Found
	for _, name := range []string{"one", "two"} {
		study, err := l.NewStudy(t.Context(), name, Measure{Nothing: true})
		if err != nil {
			t.Fatal(err)
		}
		f, err := study.Search(t.Context(), m, quickSearch(3))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, f)
	}
	if !reflect.DeepEqual(found[0].Trials, found[1].Trials) || len(found[1].Trials) != 3 {
		t.Errorf("%+v and %+v", found[0].Trials, found[1].Trials)
	}
}
