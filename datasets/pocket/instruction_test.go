package pocket

import (
	"fmt"
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
	if len(kinds) != 8 || len(streams) != 3*n {
		t.Errorf("%d tasks of the kinds %v, expected 8 kinds", len(streams), kinds)
	}
	for kind, count := range kinds {
		if count < n/8 { // of counting there are few that are all different
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

// TestInstructionsKeepTheirCast holds what the tasks are disjoint by: in the words of each task are the two people and the thing of its stream.
func TestInstructionsKeepTheirCast(t *testing.T) {
	checked := 0
	for _, one := range Instructions(Calibration, 1000, 3) {
		var people []int
		text := words(one.Input + " " + one.Instruction)
		for _, w := range text {
			if i := slices.Index(names, w); i >= 0 && !slices.Contains(people, i) {
				people = append(people, i)
			}
		}
		if len(people) < 2 {
			continue
		}
		found, all := false, strings.Join(text, " ")
		for _, a := range people {
			for _, b := range people {
				for i, th := range things {
					found = found || a != b && strings.Contains(all, th.one) && streamOf(a, b, i) == Calibration
				}
			}
		}
		if checked++; !found {
			t.Fatalf("no two people and thing of the Calibration stream in %+v", one)
		}
	}
	if checked < 600 {
		t.Errorf("checked %d tasks", checked)
	}
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') })
}

// TestInstructionAnswers works the tasks out anew, from their words alone.
func TestInstructionAnswers(t *testing.T) {
	checked := map[string]int{}
	for _, one := range Instructions(Train, 3000, 4) {
		want := one.Output
		switch one.Kind {
		case "sum":
			var a, b, food, taste string
			list := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(one.Instruction, "How many are "), "?"))
			a, b, taste, food = list[0], list[4], list[5], list[6]
			sum := slices.Index(numbers, a) + slices.Index(numbers, b)
			if b == "one" {
				food = foods[slices.IndexFunc(foods, func(f thing) bool { return f.one == food })].many
			}
			want = capital(fmt.Sprintf("%s %s %s.", numbers[sum], taste, food))
		case "count":
			parts := strings.Split(strings.TrimSuffix(one.Output, "."), ", ")
			if last := parts[len(parts)-1]; "Count "+last+"." != one.Instruction || numbers[len(parts)] != strings.Fields(last)[0] {
				t.Fatalf("%+v", one)
			}
		case "begin":
			if !strings.HasPrefix(one.Input, want) || strings.Count(want, ".") != 1 {
				t.Fatalf("%+v", one)
			}
		case "people":
			list := strings.FieldsFunc(strings.ReplaceAll(strings.TrimSuffix(one.Output, "."), " and ", ","), func(r rune) bool { return r == ',' || r == ' ' })
			at := -1
			for _, name := range list {
				next := slices.Index(words(one.Input), name)
				if next <= at {
					t.Fatalf("%s is not in its place: %+v", name, one)
				}
				at = next
			}
			for _, w := range words(one.Input) {
				if slices.Contains(names, w) && !slices.Contains(list, w) {
					t.Fatalf("%s is not named: %+v", w, one)
				}
			}
			if len(list) < 2 {
				t.Fatalf("%+v", one)
			}
		case "rename":
			list := words(one.Instruction) // Tell it of X and not of Y
			if to, from := list[3], list[7]; strings.ReplaceAll(one.Output, to, from) != one.Input || strings.Contains(one.Output, from) {
				t.Fatalf("%+v", one)
			}
		case "turn":
			a, b := words(one.Instruction), words(one.Output)
			slices.Sort(a)
			slices.Sort(b)
			for _, w := range b {
				if !slices.Contains(a, w) {
					t.Fatalf("%s is new: %+v", w, one)
				}
			}
			if strings.HasSuffix(one.Instruction, one.Output) {
				t.Fatalf("nothing is turned: %+v", one)
			}
		case "judge":
			said := strings.TrimSuffix(one.Instruction, " Is that right?")
			if right := strings.TrimPrefix(one.Output, "No. "); (one.Output == "Yes.") == (right != "Yes.") || right != "Yes." && strings.HasSuffix(said, "? "+right) {
				t.Fatalf("%+v", one)
			}
		case "answer": // TestFactsFollowFromTheEvents and TestAnswersAreInTheStory
		default:
			t.Fatalf("unknown kind %+v", one)
		}
		if one.Output != want {
			t.Fatalf("expected %q, found %+v", want, one)
		}
		checked[one.Kind]++
	}
	if len(checked) != len(tasks)-2 {
		t.Errorf("checked %v", checked)
	}
}
