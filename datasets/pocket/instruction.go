package pocket

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Instruction is a task of this world with its answer.
type Instruction struct {
	Instruction string
	Input       string // what the task is about; empty where it says that itself
	Output      string
	Kind        string // of the task
}

// instructionSeed keeps the stories of instructions apart from those of the texts of the same seed.
const instructionSeed = 0x1a57_0c_0000

// task is a kind of instruction.
type task struct {
	name string
	set  func(rng *rand.Rand, stream Stream) Instruction
}

// tasks are all kinds, drawn equally often; questions stand here three times, because they are what the stories are about. Their order belongs
// to the world: a seed picks by it.
var tasks = []task{
	{"answer", answerTask}, {"answer", answerTask}, {"answer", answerTask}, {"judge", judgeTask}, {"begin", beginTask}, {"people", peopleTask},
	{"rename", renameTask}, {"turn", turnTask}, {"count", countTask}, {"sum", sumTask},
}

// Instructions sets n different tasks of a stream. Those of one stream are not among another's: stories keep to their streams, and what is
// counted or added up belongs to one just so. The tasks of Test are for nobody to train on, as [Questions] come from it. Longer lists begin with the
// shorter ones of the same seed.
func Instructions(stream Stream, n int, seed uint64) []Instruction {
	out := make([]Instruction, 0, n)
	seen := make(map[[2]string]bool, n)
	for i := uint64(0); len(out) < n; i++ {
		rng := rand.New(rand.NewPCG(seed^instructionSeed^uint64(stream)<<56, i))
		kind := tasks[rng.IntN(len(tasks))]
		one := kind.set(rng, stream)
		if one.Kind = kind.name; !seen[[2]string{one.Instruction, one.Input}] {
			seen[[2]string{one.Instruction, one.Input}] = true
			out = append(out, one)
		}
	}
	return out
}

// told is a story of any form, without the questions at its end.
func told(rng *rand.Rand, stream Stream) *story {
	s := newStory(rng, stream)
	forms[rng.IntN(len(forms))].tell(s)
	s.later()
	s.ending()
	return s
}

// answerTask: a question about a story.
func answerTask(rng *rand.Rand, stream Stream) Instruction {
	s := told(rng, stream)
	f := s.facts[rng.IntN(len(s.facts))]
	return Instruction{Instruction: f.ask, Input: s.text.String(), Output: f.answer}
}

// judgeTask: an answer to a question about a story, which is right or wrong.
func judgeTask(rng *rand.Rand, stream Stream) Instruction {
	s := told(rng, stream)
	f := s.facts[rng.IntN(len(s.facts))]
	given, output := f.answer, "Yes."
	if s.chance(50) && len(f.wrong) > 0 {
		given, output = s.pick(f.wrong...), "No. "+f.answer
	}
	return Instruction{Instruction: f.ask + " " + given + " Is that right?", Input: s.text.String(), Output: output}
}

// beginTask: the first sentence of a story. No form begins with a sentence that has a full stop inside.
func beginTask(rng *rand.Rand, stream Stream) Instruction {
	text := told(rng, stream).text.String()
	first, _, _ := strings.Cut(text, ". ")
	return Instruction{Instruction: "How did the story begin?", Input: text, Output: first + "."}
}

// peopleTask: all people of a story, in the order in which they are named.
func peopleTask(rng *rand.Rand, stream Stream) Instruction {
	text := told(rng, stream).text.String()
	var people []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') }) {
		if slices.Contains(names, word) && !slices.Contains(people, word) {
			people = append(people, word)
		}
	}
	last := len(people) - 1 // every story has two at least
	return Instruction{Instruction: "Who was in the story?", Input: text, Output: strings.Join(people[:last], ", ") + " and " + people[last] + "."}
}

// renameTask: the beginning of a story, told of somebody else.
func renameTask(rng *rand.Rand, stream Stream) Instruction {
	s := newStory(rng, stream)
	s.begin()
	s.say("{when} {a} found {t.a} and gave it to {b}.", "{when} {b} came with {t.a}, and {a} was glad.", "{a} had {t.a} and showed it to {b}.")
	from, group := s.slots["a"], women
	if slices.Contains(men, from) {
		group = men
	}
	to := s.unused(group) // pronouns stay right
	text := s.text.String()
	return Instruction{
		Instruction: s.fill("Tell it of " + to + " and not of {a}."), Input: text, Output: strings.ReplaceAll(text, from, to),
	}
}

// turnTask: a sentence with the two people in each other's places.
func turnTask(rng *rand.Rand, stream Stream) Instruction {
	s := newStory(rng, stream)
	p := places[rng.IntN(len(places))]
	s.set("p", p.at())
	frame := s.pick("{x} gave {t.a} to {y} {p}", "{x} showed {y} {t.a} {p}", "{x} brought {t.a} {p} and met {y}", "{x} took {t.a} from {y} {p}")
	say := func(x, y string) string {
		s.set("x", s.slots[x])
		s.set("y", s.slots[y])
		return s.fill(frame)
	}
	return Instruction{Instruction: "Tell it the other way round: " + say("a", "b") + ".", Output: say("b", "a") + "."}
}

// countTask: some food, counted piece by piece.
func countTask(rng *rand.Rand, stream Stream) Instruction {
	for {
		food, look, n := rng.IntN(len(foods)), rng.IntN(len(colours)), 2+rng.IntN(5)
		if streamOf(food, look, n) != stream {
			continue
		}
		var all []string
		for i := 1; i <= n; i++ {
			all = append(all, someThings(i, colours[look], foods[food]))
		}
		return Instruction{Instruction: "Count " + all[n-1] + ".", Output: capital(strings.Join(all, ", ")) + "."}
	}
}

// sumTask: two counts of the same food, added up.
func sumTask(rng *rand.Rand, stream Stream) Instruction {
	for {
		food, taste, n, m := rng.IntN(len(foods)), rng.IntN(len(tastes)), 1+rng.IntN(largestCount/2), 1+rng.IntN(largestCount/2)
		if streamOf(food, taste, n*largestCount+m) != stream {
			continue
		}
		some := func(n int) string { return someThings(n, tastes[taste], foods[food]) }
		return Instruction{
			Instruction: fmt.Sprintf("How many are %s and %s?", some(n), some(m)), Output: capital(some(n+m)) + ".",
		}
	}
}

// someThings says a number of things with their looks: "two red apples".
func someThings(n int, look string, th thing) string {
	if n == 1 {
		return numbers[n] + " " + look + " " + th.one
	}
	return numbers[n] + " " + look + " " + th.many
}
