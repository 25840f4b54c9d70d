package pocket

import (
	"slices"
	"strings"
	"testing"
)

// TestTextIsDeterministic pins the first bytes of each stream: they must be the same on every machine and in every version,
// because the tokenizer, the model and the numbers in CARD.md follow from them.
func TestTextIsDeterministic(t *testing.T) {
	for _, stream := range []Stream{Train, Calibration, Test} {
		long, short := Text(stream, 50_000, 7), Text(stream, 5_000, 7)
		if !strings.HasPrefix(long, short) || len(short) < 5_000 || Text(stream, 50_000, 7) != long {
			t.Errorf("%v: two tellings differ, or the longer text does not begin with the shorter", stream)
		}
		if Text(stream, 5_000, 8) == short {
			t.Errorf("%v: seeds 7 and 8 tell the same", stream)
		}
		if strings.ContainsAny(long, "{}") || strings.Contains(long, "  ") {
			t.Errorf("%v: an unfilled slot or a double space", stream)
		}
	}
}

// TestStreamsAreDisjoint: no combination of people and thing, and no story, of one stream occurs in another.
func TestStreamsAreDisjoint(t *testing.T) {
	const perStream = 6_000
	casts := map[[3]int]Stream{}
	stories := map[string]Stream{}
	repeated := 0
	for _, stream := range []Stream{Train, Calibration, Test} {
		for i := range uint64(perStream) {
			s := tell(stream, DefaultSeed, i)
			cast := [3]int{s.lead, s.partner, s.object}
			if other, seen := casts[cast]; seen && other != stream {
				t.Fatalf("cast %v is in %v and %v", cast, other, stream)
			}
			casts[cast] = stream
			text := s.finish()
			other, seen := stories[text]
			if seen && other != stream {
				t.Fatalf("in %v and %v: %s", other, stream, text)
			}
			if seen {
				repeated++
			}
			stories[text] = stream
			for _, word := range []string{s.slots["a"], s.slots["b"], s.slots["t"]} {
				if !strings.Contains(text, word) {
					t.Fatalf("a %s story without %q, which decides its stream: %s", s.form, word, text)
				}
			}
		}
	}
	if len(casts) < perStream || repeated > 0 {
		t.Errorf("%d casts and %d repeated stories among %d, expected at least %d and none", len(casts), repeated, 3*perStream, perStream)
	}
}

// TestFactsFollowFromTheEvents replays what the sentences told and compares with the answers, which the forms reckon apart.
func TestFactsFollowFromTheEvents(t *testing.T) {
	checked := map[string]int{}
	for i := range uint64(6_500) {
		s := tell(Train, 5, i)
		has := map[[2]string]int{}
		for _, e := range s.events {
			has[[2]string{e.who, e.what}] += e.n
			if e.n < 0 && has[[2]string{e.who, e.what}] < 0 && e.what != "coin" {
				t.Fatalf("%s: %s gives away more %s than there are: %s", s.form, e.who, e.what, s.text.String())
			}
		}
		for _, f := range s.facts {
			if f.check.kind == "" || f.check.who == "" {
				continue
			}
			checked[s.form]++
			if n := has[[2]string{f.check.who, f.check.what}]; n != f.check.n {
				t.Fatalf("%s: %q: %q, but %s has %d: %s", s.form, f.ask, f.answer, f.check.who, n, s.text.String())
			}
			if f.check.kind == "count" && f.answer != capital(numbers[f.check.n])+"." || f.check.kind == "holder" && f.answer != "It was "+f.check.who+"." {
				t.Fatalf("%s: %q: answer %q does not say %v", s.form, f.ask, f.answer, f.check)
			}
			for _, w := range f.wrong {
				if name := strings.TrimSuffix(strings.TrimPrefix(w, "It was "), "."); f.check.kind == "holder" && has[[2]string{name, f.check.what}] > 0 {
					t.Fatalf("%s: %q: %q is right too: %s", s.form, f.ask, w, s.text.String())
				}
			}
		}
	}
	for _, form := range []string{"giving", "harvest", "shopping", "passing", "swap", "damage", "work", "contest"} {
		if checked[form] == 0 {
			t.Errorf("no answer of a %s story was checked", form)
		}
	}
}

// TestAnswersAreInTheStory: an answer that is not reckoned was told, word for word.
func TestAnswersAreInTheStory(t *testing.T) {
	forms := map[string]bool{}
	for i := range uint64(6_500) {
		s := tell(Test, 6, i)
		text := strings.ToLower(s.text.String())
		forms[s.form] = true
		for _, f := range s.facts {
			if f.check.kind == "count" {
				continue
			}
			answer := strings.ToLower(strings.TrimSuffix(f.answer, "."))
			for _, lead := range []string{"it was ", "she was ", "he was ", "because ", "a ", "an ", "at the ", "in the ", "on the ", "to the ", "on "} {
				answer = strings.TrimPrefix(answer, lead)
			}
			if i := slices.IndexFunc(mishaps, func(m mishap) bool { return strings.HasSuffix(" "+m.cause, " "+answer) }); i >= 0 {
				answer = mishaps[i].weather // told in other words
			}
			if !strings.Contains(text, strings.TrimSuffix(answer, "'s")) {
				t.Fatalf("%s: %q: answer %q was never told: %s", s.form, f.ask, f.answer, s.text.String())
			}
		}
	}
	if len(forms) != 13 {
		t.Errorf("saw %d forms, expected 13", len(forms))
	}
}

func TestQuestions(t *testing.T) {
	qs := Questions(3000, 1)
	at := [4]int{}
	kinds := map[string]int{}
	for i, q := range qs {
		if len(q.Choices) != 4 || q.Answer < 0 || q.Answer > 3 || q.Form == "" || !strings.HasSuffix(q.Context, "?") {
			t.Fatalf("question %d is not whole: %+v", i, q)
		}
		sorted := slices.Sorted(slices.Values(q.Choices))
		if len(slices.Compact(sorted)) != 4 {
			t.Fatalf("question %d has the same answer twice: %+v", i, q)
		}
		at[q.Answer]++
		kinds[q.Form]++
	}
	for i, n := range at { // 750 each expected; 600 is six standard deviations away
		if n < 600 {
			t.Errorf("answer %d is right in %d of 3000 questions", i, n)
		}
	}
	if len(kinds) != len(forms) {
		t.Errorf("questions about %d kinds of stories, expected %d", len(kinds), len(forms))
	}
	if !slices.EqualFunc(qs[:100], Questions(100, 1), func(a, b Question) bool { return a.Context == b.Context && a.Answer == b.Answer }) {
		t.Error("a shorter list is not the beginning of a longer one")
	}
}

// TestQuestionAnswerSurvivesShuffle: the choice at Answer is the fact's answer.
func TestQuestionAnswerSurvivesShuffle(t *testing.T) {
	checked := 0
	for i := range uint64(500) {
		s := tell(Test, 11, i)
		q, ok := s.question()
		if !ok {
			continue
		}
		for _, f := range s.facts {
			if strings.HasSuffix(q.Context, " "+f.ask) {
				checked++
				if q.Choices[q.Answer] != f.answer {
					t.Fatalf("%q: choice %d of %q, expected %q", f.ask, q.Answer, q.Choices, f.answer)
				}
			}
		}
	}
	if checked < 450 {
		t.Errorf("checked %d questions, expected nearly 500", checked)
	}
}

// TestWords: nobody and nothing is listed twice, and nobody's name is somebody else's word.
func TestWords(t *testing.T) {
	for what, list := range map[string][]string{"names": names, "things": ones(things), "foods": ones(foods), "animals": ones(animals)} {
		if sorted := slices.Sorted(slices.Values(list)); len(slices.Compact(sorted)) != len(list) {
			t.Errorf("%s: a word twice", what)
		}
	}
	for _, a := range ones(things) {
		if slices.Contains(ones(foods), a) || slices.Contains(ones(animals), a) {
			t.Errorf("%q is a thing and something else", a)
		}
	}
	if len(names) < 100 || len(things) < 80 || len(places) < 50 {
		t.Errorf("%d names, %d things, %d places: the world has shrunk", len(names), len(things), len(places))
	}
}

func ones(list []thing) []string {
	var out []string
	for _, th := range list {
		out = append(out, th.one)
	}
	return out
}

func BenchmarkText(b *testing.B) {
	b.SetBytes(1 << 20)
	for b.Loop() {
		Text(Train, 1<<20, 1)
	}
}
