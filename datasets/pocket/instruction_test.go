package pocket

import (
	"slices"
	"strings"
	"testing"
)

// TestInstructions looks at a few thousand tasks of each stream: they are the same each time, no task is in two streams, no story of a
// multiple-choice question is among them, and all kinds are there.
func TestInstructions(t *testing.T) {
	const n = 2000
	kinds, stories, streams := map[string]int{}, map[string]Stream{}, map[[2]string]Stream{}
	for _, stream := range []Stream{Train, Calibration, Test} {
		list := Instructions(stream, n, DefaultSeed)
		if short := Instructions(stream, 50, DefaultSeed); !slices.Equal(short, list[:50]) || len(list) != n {
			t.Errorf("%s: the longer list does not begin with the shorter one, or has %d", stream, len(list))
		}
		if other := Instructions(stream, 50, 2); slices.Equal(other, list[:50]) {
			t.Errorf("%s: seeds 1 and 2 set the same tasks", stream)
		}
		for _, one := range list {
			kinds[one.Kind]++
			if from, seen := streams[[2]string{one.Instruction, one.Input}]; seen {
				t.Fatalf("in %s and %s: %+v", from, stream, one)
			}
			streams[[2]string{one.Instruction, one.Input}] = stream
			if one.Input == "" {
				continue
			}
			if from, seen := stories[one.Input]; seen && from != stream {
				t.Fatalf("a story is in %s and %s: %s", from, stream, one.Input)
			}
			stories[one.Input] = stream
		}
	}
	if len(kinds) != 9 || len(streams) != 3*n {
		t.Errorf("%d tasks of the kinds %v, expected 9 kinds", len(streams), kinds)
	}
	for kind, count := range kinds {
		if count < n/20 { // of counting there are few that are all different
			t.Errorf("only %d of %d tasks are of the kind %s", count, 3*n, kind)
		}
	}
	asked := 0
	for _, q := range Questions(500, DefaultSeed) {
		asked++
		for story := range stories {
			if strings.HasPrefix(q.Context, story) && stories[story] != Test {
				t.Fatalf("the story of a question is a %s task: %s", stories[story], story)
			}
		}
	}
	if asked != 500 {
		t.Errorf("looked at %d questions", asked)
	}
}

// TestInstructionsKeepTheirCast holds what stories are disjoint by: in the words of each are two people and a thing that belong together to its stream.
func TestInstructionsKeepTheirCast(t *testing.T) {
	checked := 0
	for _, one := range Instructions(Calibration, 1500, 3) {
		if one.Input == "" {
			continue
		}
		checked++
		if !hasCast(one.Input+" "+one.Instruction, Calibration) {
			t.Fatalf("no two people and thing of the Calibration stream in %+v", one)
		}
	}
	if checked < 300 {
		t.Errorf("checked %d tasks", checked)
	}
	foreign := 0
	for _, one := range Instructions(Train, 500, 3) {
		if one.Input != "" && !hasCast(one.Input+" "+one.Instruction, Calibration) {
			foreign++
		}
	}
	if foreign < 50 {
		t.Errorf("only %d stories of the Train stream are told to be no Calibration stories: the check tells little", foreign)
	}
}

func hasCast(text string, stream Stream) bool {
	var people []int
	for _, w := range words(text) {
		if i := slices.Index(names, w); i >= 0 && !slices.Contains(people, i) {
			people = append(people, i)
		}
	}
	for i, th := range things {
		if !strings.Contains(text, th.one) {
			continue
		}
		for _, a := range people {
			for _, b := range people {
				if a != b && streamOf(a, b, i) == stream {
					return true
				}
			}
		}
	}
	return false
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') })
}

// TestInstructionAnswers works the tasks out anew, from their words alone.
func TestInstructionAnswers(t *testing.T) {
	checked := map[string]int{}
	for _, one := range slices.Concat(Instructions(Train, 2000, 4), Instructions(Calibration, 1000, 4), Instructions(Test, 1000, 4)) {
		list, want := words(one.Instruction), ""
		switch one.Kind {
		case "sum": // How many are N food and M food?
			want = numbers[slices.Index(numbers, list[3])+slices.Index(numbers, list[len(list)-2])]
		case "count": // Count from N to M.
			for i, to := slices.Index(numbers, list[2]), slices.Index(numbers, list[4]); ; {
				want += ", " + numbers[i]
				if i == to {
					break
				}
				if i < to {
					i++
				} else {
					i--
				}
			}
			want = want[2:]
		case "did": // NAME had to …. What did she do?
			task, who, _ := strings.Cut(strings.TrimPrefix(one.Instruction, list[0]+" had to "), ". What did ")
			i := slices.IndexFunc(jobs, func(j job) bool { return j.do == task })
			want = strings.TrimSuffix(who, " do?") + " " + jobs[i].did
		case "fetch": // NAME saw that …. What did she get?
			missing, _, _ := strings.Cut(strings.TrimPrefix(one.Instruction, list[0]+" saw that "), ". What")
			want = reasons[slices.IndexFunc(reasons, func(r reason) bool { return r.because == missing })].goods
		case "where": // NAME went to the PLACE. …
			want = places[slices.IndexFunc(places, func(p place) bool { return p.name == list[4] })].at()
		case "whom": // NAME worked …
			if want = "a woman"; slices.Contains(men, list[0]) {
				want = "a man"
			}
		case "sort":
			thing := strings.SplitN(strings.TrimSuffix(one.Instruction, "?"), " ", 5)[4] // What is a new …
			for _, s := range sorts {
				if slices.Contains(s.names, thing) {
					want += s.answer
				}
			}
		case "judge":
			said := strings.TrimSuffix(one.Instruction, " Was that so?")
			if confirmed := one.Output == "That was so."; !confirmed && strings.HasSuffix(said, "? "+one.Output) {
				t.Fatalf("%+v", one)
			}
			want = one.Output
		case "answer": // TestFactsFollowFromTheEvents and TestAnswersAreInTheStory
			want = one.Output
		default:
			t.Fatalf("unknown kind %+v", one)
		}
		if want = capital(strings.TrimSuffix(want, ".") + "."); one.Output != want {
			t.Fatalf("expected %q, found %+v", want, one)
		}
		checked[one.Kind]++
	}
	if len(checked) != 9 {
		t.Errorf("checked %v", checked)
	}
}
