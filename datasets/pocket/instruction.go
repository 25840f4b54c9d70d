package pocket

import "math/rand/v2"

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

// tasks are all kinds, drawn equally often; questions about stories stand here twice, because they are what the stories are for. Their order belongs
// to the world: a seed picks by it.
var tasks = []task{
	{"answer", answerTask}, {"answer", answerTask}, {"judge", judgeTask}, // of stories, which must be read
	{"did", didTask}, {"fetch", fetchTask}, {"where", whereTask}, {"whom", whomTask}, {"sort", sortTask}, // of what the world is like (instruction_kinds.go)
	{"count", countTask}, {"sum", sumTask}, // of numbers
}

// Instructions sets n different tasks of a stream. Those of one stream are not among another's: stories keep to their streams, and what
// other tasks are made of decides in the same way. The tasks of Test are for nobody to train on, as [Questions] come from it. Longer lists begin with the
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

// judgeTask: an answer to a question about a story, which is confirmed or put right.
func judgeTask(rng *rand.Rand, stream Stream) Instruction {
	s := told(rng, stream)
	f := s.facts[rng.IntN(len(s.facts))]
	given, output := f.answer, "That was so."
	if s.chance(50) && len(f.wrong) > 0 {
		given, output = s.pick(f.wrong...), f.answer
	}
	return Instruction{Instruction: f.ask + " " + given + " Was that so?", Input: s.text.String(), Output: output}
}
