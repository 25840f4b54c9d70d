package pocket

// mishap is what the weather does to something left outside.
type mishap struct{ weather, thing, broke, cause string }

var mishaps = []mishap{
	{"it began to rain", "the hay", "got wet and was spoiled", "it rained"}, {"a strong wind came up", "the fence", "fell over", "the wind was strong"},
	{"it snowed all night", "the roof of the hut", "gave way", "there was too much snow"}, {"the frost was hard", "the water pipe", "cracked", "there was frost"},
	{"lightning struck", "the old tower", "caught fire", "lightning struck"}, {"hail fell from the sky", "the window", "broke", "hail fell"},
	{"the river rose", "the little bridge", "was washed away", "the river rose"}, {"the sun burned for a week", "the lettuce", "dried up", "the sun was too hot"},
	{"the earth shook", "the chimney", "fell down", "the earth shook"}, {"the waves grew high", "the boat", "sank at the pier", "the waves were high"},
	{"ice came down the stream", "the mill wheel", "stopped turning", "ice came down the stream"}, {"a fox crept in at night", "the hen house", "was empty in the morning", "a fox came"},
	{"the cart was too full", "the axle", "broke in two", "the cart was too full"}, {"somebody forgot the pot on the fire", "the soup", "was burned", "the pot was forgotten"},
	{"a ball flew over the wall", "the mirror", "was in a hundred pieces", "a ball hit it"}, {"the goats got loose", "the flower bed", "was eaten bare", "the goats got loose"},
}

// damage: something breaks through a cause, and somebody helps with something borrowed.
func damage(s *story) {
	s.begin()
	s.another("c")
	s.place("p")
	i := s.rng.IntN(len(mishaps))
	m := mishaps[i]
	s.set("weather", m.weather)
	s.set("m", m.thing)
	s.set("broke", m.broke)
	s.set("cause", m.cause)
	s.say("{when} {a} was working {p.at}.", "{when} {a} went {p.to} and stayed away for hours.", "{when} nobody was at home but {a}.")
	s.aside()
	s.say("Then {weather}.", "Without warning {weather}.", "But then {weather}.", "{weather}.")
	s.say("{m} {broke}.", "Because of that {m} {broke}.", "When {a} looked, {m} {broke}.")
	s.say("\"What shall I do now?\" said {a}.", "{a} sat down and cried a little.", "{a} was angry at first.", "{a} did not lose heart.")
	s.aside()
	s.gains("{c}", 1, "{t}")
	s.say("{b} came to help and brought {t.a}, which belonged to {c}.", "{b} borrowed {t.a} from {c} and came running.",
		"{c} lent {t.a} to {b}, and {b} hurried over with it.")
	s.moves("{c}", "{b}", 1, "{t}")
	s.set("hours", numbers[s.between(2, 9)])
	s.say("They worked for {hours} hours.", "It took them {hours} hours.", "After {hours} hours everything was good again.")
	s.aside()
	if s.chance(60) {
		s.say("Then {b} gave {t.the} back to {c}.", "In the evening {t.the} went back to {c}.", "{c} came to fetch {t.the}.")
		s.moves("{b}", "{c}", 1, "{t}")
		s.askHolder("Who had {t.the} in the end?", "{c}", "{t}", "{a}", "{b}", s.unused(names))
	} else {
		s.say("{c} said that {b} could keep {t.the}.", "\"Keep {t.the},\" {c} told {b}.")
		s.askHolder("Who had {t.the} in the end?", "{b}", "{t}", "{a}", "{c}", s.unused(names))
	}
	s.ask("Why did something go wrong with {m}?", "Because {cause}.", s.otherCauses(i))
	s.ask("Who came to help {a}?", "It was {b}.", []string{"It was {c}.", s.stranger(), s.stranger()})
	s.ask("Whose {t} was it at first?", "It was {c}'s.", []string{"It was {a}'s.", "It was {b}'s.", "It was " + s.unused(names) + "'s."})
	s.ask("How many hours did it take?", "{hours}.", s.otherNumbers("hours"))
}

// otherCauses lists wrong causes.
func (s *story) otherCauses(but int) []string {
	var out []string
	for _, i := range s.rng.Perm(len(mishaps))[:5] {
		if i != but {
			out = append(out, "because "+mishaps[i].cause+".")
		}
	}
	return out
}

// otherNumbers lists numbers other than the one in the slot.
func (s *story) otherNumbers(slot string) []string {
	var out []string
	for _, i := range s.rng.Perm(9)[:5] {
		if numbers[i+1] != s.slots[slot] {
			out = append(out, numbers[i+1]+".")
		}
	}
	return out
}

// job is a piece of work: "swept the floor", "sweep the floor".
type job struct{ did, do string }

var jobs = func() []job {
	var out []job
	for _, p := range phrases(`swept/sweep the floor|fed/feed the hens|painted/paint the gate|washed/wash the windows|cut/cut the grass|
		baked/bake the bread|mended/mend the roof|watered/water the flowers|chopped/chop the wood|milked/milk the cows|
		cleaned/clean the oven|polished/polish the spoons|planted/plant the beans|carried/carry the stones|brushed/brush the horses|
		lit/light the lamps|folded/fold the sheets|peeled/peel the potatoes|oiled/oil the wheels|stacked/stack the chairs|
		dug/dig the ditch|sorted/sort the apples|rang/ring the bell|cooked/cook the soup|sewed/sew the curtains|counted/count the sheep`) {
		for i := range p {
			if p[i] == '/' {
				rest := p[i+1:]
				for j := range rest {
					if rest[j] == ' ' {
						out = append(out, job{p[:i] + rest[j:], rest})
						break
					}
				}
				break
			}
		}
	}
	return out
}()

// sharedWork: three people share the work of a day; who did what is asked.
func sharedWork(s *story) {
	s.begin()
	s.another("c")
	s.place("p")
	for i, j := range s.rng.Perm(len(jobs))[:4] {
		slot := []string{"j1", "j2", "j3", "j4"}[i]
		s.set(slot, jobs[j].did, ".do", jobs[j].do)
	}
	s.say("{when} there was much to do {p.at}.", "{when} {a}, {b} and {c} met {p.at} to work.", "There was a feast the next day {p.at}, and all had to help.")
	s.say("{a} {j1}, {b} {j2} and {c} {j3}.", "{a} {j1}. {b} {j2}. {c} {j3}.", "It was agreed that {a} would {j1.do}, {b} would {j2.do} and {c} would {j3.do}.")
	s.aside()
	s.maybe(40, "It was hard work, and nobody talked.", "They sang while they worked.", "Time went by quickly.", "By noon their arms were sore.")
	s.aside()
	first := s.pick("a", "b", "c")
	s.set("first", s.slots[first], ".he", s.slots[first+".he"])
	s.set("jf", s.slots[map[string]string{"a": "j1", "b": "j2", "c": "j3"}[first]+".do"])
	s.say("{first} was done first, so {first.he} also {j4}.", "{first}, who was the quickest, {j4} as well.")
	s.aside()
	s.say("As a reward {first} got {t.a}.", "For that {first} was given {t.a}.", "Later somebody brought {t.a} and gave it to {first}.")
	s.gains("{first}", 1, "{t}")
	s.maybe(50, "So the one who had to {jf} went home with {t.the}.", "{first} carried {t.the} home.")
	people := []string{"It was {a}.", "It was {b}.", "It was {c}.", s.stranger()}
	s.ask("Who had to {j1.do}?", "It was {a}.", people)
	s.ask("Who had to {j2.do}?", "It was {b}.", people)
	s.ask("Who had to {j3.do}?", "It was {c}.", people)
	s.askHolder("Who had {t.the} in the end?", "{first}", "{t}", "{a}", "{b}", "{c}", s.unused(names))
	s.ask("Where did they work?", "{p.at}.", s.otherPlaces("{home?}"))
}

var contests = phrases(`run round the lake|swim to the rock|climb the tallest tree|bake the best pie|sing the loudest song|row to the island|
	build the highest tower|draw the finest horse|tell the funniest story|throw a stone the farthest|solve a hard puzzle|catch the biggest fish|
	dance without a rest|carry the heaviest load|jump over the ditch`)

// contest: three people compete; the order and the prize are asked.
func contest(s *story) {
	s.begin()
	s.another("c", "d")
	s.place("p")
	s.set("what", s.pick(contests...))
	order := []string{"a", "b", "c"}
	s.rng.Shuffle(3, func(i, j int) { order[i], order[j] = order[j], order[i] })
	for i, o := range order {
		slot := []string{"w1", "w2", "w3"}[i]
		s.set(slot, s.slots[o], ".his", s.slots[o+".his"], ".He", s.slots[o+".He"])
	}
	s.say("{when} {a}, {b} and {c} wanted to know who could {what}.", "{when} there was a contest {p.at}: who could {what}?",
		"\"Let us see who can {what},\" said {a} to {b} and {c}.")
	s.gains("{d}", 1, "{t}")
	s.say("{d} was the judge and had brought {t.a} as the prize.", "The prize was {t.a}, and {d} was the judge.", "{d} promised {t.a} to the winner.")
	s.aside()
	s.say("{a}, {b} and {c} did their best.", "{c} began, then came {b}, then {a}.", "Many people came to watch {a}, {b} and {c}.")
	s.aside()
	s.say("{w1} won, {w2} was second and {w3} came last.", "The winner was {w1}. {w2} came second, and {w3} was third.", "{w3} was last, {w2} came second, and {w1} won.")
	s.moves("{d}", "{w1}", 1, "{t}")
	s.say("So {d} gave {t.the} to {w1}.", "{w1} took {t.the} from {d} and bowed.", "{d} handed {t.the} to the winner.")
	s.maybe(60, "{w3} did not mind.", "{w2} said that next time would be different.", "{w3} shook hands with {w1}.", "\"Well done, {w1}!\" said {w2}.")
	people := []string{"It was {a}.", "It was {b}.", "It was {c}.", "It was {d}."}
	s.ask("Who won?", "It was {w1}.", people)
	s.ask("Who came last?", "It was {w3}.", people)
	s.ask("Who was second?", "It was {w2}.", people)
	s.ask("Who was the judge?", "It was {d}.", people)
	s.askHolder("Who had {t.the} in the end?", "{w1}", "{t}", "{a}", "{b}", "{c}", "{d}")
	s.ask("What was the prize?", "{t.a}.", s.otherThings())
}
