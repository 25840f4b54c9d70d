package pocket

import "slices"

// Question is a story with a question about it and four answers.
type Question struct {
	Context string   // the story and, after a space, the question; an answer follows after another space
	Choices []string // four different answers in random order
	Answer  int      // index of the right one
	Form    string   // the kind of story
}

// questionSeed keeps the questions' stories apart from those of the Test text of the same seed.
const questionSeed = 0x5eed_0f_0000

// Questions makes n multiple-choice questions about stories of the Test stream. The wrong answers are of the right kind, and
// as far as the story has them they are its own other people, places, things and counts. Longer lists begin with the shorter
// ones of the same seed.
func Questions(n int, seed uint64) []Question {
	out := make([]Question, 0, n)
	for i := uint64(0); len(out) < n; i++ {
		if q, ok := tell(Test, seed^questionSeed, i).question(); ok {
			out = append(out, q)
		}
	}
	return out
}

// question ends the story with one of its questions that have three wrong answers, and tells whether there was one.
func (s *story) question() (Question, bool) {
	s.later()
	s.ending()
	for _, i := range s.rng.Perm(len(s.facts)) {
		f := s.facts[i]
		if len(f.wrong) < 3 {
			continue
		}
		q := Question{Context: s.text.String() + " " + f.ask, Choices: append([]string{f.answer}, f.wrong[:3]...), Form: s.form}
		s.rng.Shuffle(4, func(i, j int) { q.Choices[i], q.Choices[j] = q.Choices[j], q.Choices[i] })
		q.Answer = slices.Index(q.Choices, f.answer)
		return q, true
	}
	return Question{}, false
}
