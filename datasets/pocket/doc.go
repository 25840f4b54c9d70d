// Package pocket is a small world of its own: stories without end for a small model to learn, and the model that learnt them.
//
//	text := pocket.Text(pocket.Train, 1<<20, pocket.DefaultSeed) // a mebibyte of stories
//	dir, err := pocket.Dir()                                     // the trained model, a Hugging Face directory
//	tests := pocket.Questions(500, 1)                            // multiple choice from the same world
//	tasks := pocket.Instructions(pocket.Train, 4000, 1)          // instructions with answers, to be tuned on
//
// # What the stories are for
//
// In each, people, things, places and counts are set early and used again late: who holds what after it went through three
// hands, how many are left, why somebody was late. Sentences are easy; a model that sees two words of context guesses the
// facts, one that attends to the whole story knows them. So a compressed model that has lost its long range shows it.
// CARD.md tells sizes, seeds and numbers.
//
// # Three streams, never mixed
//
// [Train], [Calibration] and [Test] share no story: the people and the thing of a story decide its stream. [Questions] come
// from the Test side.
package pocket
