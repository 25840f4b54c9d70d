package pocket

import (
	"math/rand/v2"
	"strings"
)

// Tasks without a story: what a model of this world knows. The indexes that a task is made of decide its stream, with a number that is the kind's own.
const (
	didMark = iota + 1000 // beyond all lists, so that no task's indexes are those of a story's cast
	fetchMark
	whereMark
	whomMark
	sortMark
	countMark
)

// someone draws a person and what else a task is made of, of n, so that both belong to a stream; it fills {a}.
func someone(rng *rand.Rand, stream Stream, n, mark int) (s *story, i int) {
	s = &story{rng: rng, slots: map[string]string{}, used: map[string]bool{}}
	for {
		who, i := rng.IntN(len(names)), rng.IntN(n)
		if streamOf(who, i, mark) == stream {
			s.person("a", names[who])
			return s, i
		}
	}
}

// didTask: work that had to be done and was: "She swept the floor."
func didTask(rng *rand.Rand, stream Stream) Instruction {
	s, i := someone(rng, stream, len(jobs), didMark)
	s.set("did", jobs[i].did, ".do", jobs[i].do)
	return Instruction{Instruction: s.fill("{a} had to {did.do}. What did {a.he} do?"), Output: s.fill("{a.He} {did}.")}
}

// fetchTask: what is to be done where something is missing.
func fetchTask(rng *rand.Rand, stream Stream) Instruction {
	s, i := someone(rng, stream, len(reasons), fetchMark)
	s.set("because", reasons[i].because)
	s.set("goods", reasons[i].goods)
	return Instruction{Instruction: s.fill("{a} saw that {because}. What did {a.he} get?"), Output: capital(s.fill("{goods}."))}
}

// whereTask: in, at or on a place.
func whereTask(rng *rand.Rand, stream Stream) Instruction {
	s, i := someone(rng, stream, len(places), whereMark)
	s.set("p", places[i].to(), ".at", places[i].at())
	return Instruction{Instruction: s.fill("{a} went {p}. Where was {a.he} then?"), Output: capital(s.fill("{p.at}."))}
}

// whomTask: whether somebody is a man or a woman, which the stories tell by the way. Nobody is in two streams.
func whomTask(rng *rand.Rand, stream Stream) Instruction {
	for {
		who := rng.IntN(len(names))
		if streamOf(who, whomMark, whomMark) != stream {
			continue
		}
		output := "A woman."
		if who >= len(women) {
			output = "A man."
		}
		where := places[rng.IntN(len(places))]
		return Instruction{Instruction: names[who] + " worked " + where.at() + ". Was that a man or a woman?", Output: output}
	}
}

// sorts are the kinds of things that there are, as answers.
var sorts = []struct {
	answer string
	names  []string
}{
	{"Something to carry.", singular(things)}, {"Something to eat.", singular(foods)}, {"An animal.", singular(animals)}, {"A bird.", birds}, {"A tree.", trees},
	{"A place.", placeNames()}, {"Somebody who works.", roles}, {"Something to wear.", garments},
}

// sortTask: what sort of thing something is. No thing is in two streams.
func sortTask(rng *rand.Rand, stream Stream) Instruction {
	for {
		i := rng.IntN(len(sorts))
		j := rng.IntN(len(sorts[i].names))
		if streamOf(i, j, sortMark) != stream {
			continue
		}
		looks := []string{colours[rng.IntN(len(colours))], "new", "old", "small", "big", "fine"}
		return Instruction{Instruction: "What is " + withArticle(looks[rng.IntN(len(looks))]+" "+sorts[i].names[j]) + "?", Output: sorts[i].answer}
	}
}

// countTask: the numbers between two, upwards or downwards.
func countTask(rng *rand.Rand, stream Stream) Instruction {
	for {
		from, to := 1+rng.IntN(largestCount), 1+rng.IntN(largestCount)
		if n := max(from, to) - min(from, to); n < 1 || n > 9 || streamOf(from, to, countMark) != stream {
			continue
		}
		list, step := []string{numbers[from]}, 1
		if to < from {
			step = -1
		}
		for i := from; i != to; {
			i += step
			list = append(list, numbers[i])
		}
		return Instruction{Instruction: "Count from " + numbers[from] + " to " + numbers[to] + ".", Output: capital(strings.Join(list, ", ")) + "."}
	}
}

// sumTask: two counts of the same food, added up.
func sumTask(rng *rand.Rand, stream Stream) Instruction {
	for {
		food, n, m := rng.IntN(len(foods)), 1+rng.IntN(largestCount/2), 1+rng.IntN(largestCount/2)
		if streamOf(food, n, m) != stream {
			continue
		}
		some := func(n int) string {
			if n == 1 {
				return numbers[n] + " " + foods[food].one
			}
			return numbers[n] + " " + foods[food].many
		}
		return Instruction{Instruction: "How many are " + some(n) + " and " + some(m) + "?", Output: capital(numbers[n+m]) + "."}
	}
}

func singular(list []thing) (names []string) {
	for _, th := range list {
		names = append(names, th.one)
	}
	return names
}

func placeNames() (names []string) {
	for _, p := range places {
		names = append(names, p.name)
	}
	return names
}
