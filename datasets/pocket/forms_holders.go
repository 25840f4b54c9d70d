package pocket

// passing: a thing goes from hand to hand; it is with the last.
func passing(s *story) {
	s.begin()
	s.another("c", "d")
	s.place("p", "q")
	s.say("{when} {a} found {t.a} {p.at}.", "{when} {a} made {t.a}.", "{when} {a} was given {t.a}.", "{a} owned {t.a} and was fond of it.")
	s.gains("{a}", 1, "{t}")
	s.aside()
	s.say("{a.He} gave it to {b}, who had always wanted one.", "Soon {a.he} gave {t.the} to {b}.", "But {a} had no use for it, so {a.he} gave it to {b}.")
	s.moves("{a}", "{b}", 1, "{t}")
	s.say("{b} took {t.the} {q.to} and met {c} there.", "{b} carried it {q.to}, where {c} was waiting.", "With {t.the} in {b.his} hands {b} went {q.to} to see {c}.")
	s.aside()
	s.say("{c} liked it so much that {b} gave it to {c.him}.", "\"May I keep it?\" asked {c}, and {b} nodded.", "{b} sold {t.the} to {c} for two coins.")
	s.moves("{b}", "{c}", 1, "{t}")
	holder := "c"
	if s.chance(50) {
		s.say("The next day {c} passed it on to {d}.", "In the end {c} gave {t.the} to {d}.", "But {d} needed it more, and {c} gave it to {d.him}.")
		s.moves("{c}", "{d}", 1, "{t}")
		holder = "d"
	} else {
		s.say("{d} wanted it too, but {c} kept it.", "{d} asked for it, but {c} said no.", "{c} showed it to {d} and put it away again.")
	}
	last := s.slots[holder]
	s.set("last", last)
	s.aside()
	s.maybe(50, "So {t.the} was now with {last}.", "{last} put {t.the} on a shelf.", "That is how {last} came to have {t.a}.")
	s.askHolder("Who had {t.the} in the end?", last, "{t}", "{a}", "{b}", "{c}", "{d}")
	s.ask("Who had {t.the} first?", "It was {a}.", []string{"It was {b}.", "It was {c}.", "It was {d}."})
	s.ask("Where did {b} meet {c}?", "{q.at}.", s.otherPlaces("{p.at}.", "{home?}"))
}

// swap: two people exchange what they have, perhaps twice.
func swap(s *story) {
	s.begin()
	s.another("c")
	s.otherThing("u", things)
	s.place("p")
	s.say("{when} {a} had {t.a} and {b} had {u.a}.", "{a} had brought {t.a}, and {b} had brought {u.a}.", "{t.a} belonged to {a}, and {u.a} belonged to {b}.")
	s.gains("{a}", 1, "{t}")
	s.gains("{b}", 1, "{u}")
	s.aside()
	s.say("They met {p.at}.", "They sat together {p.at}.", "{p.at} they showed each other what they had.")
	s.say("{b} liked {t.the} better, and {a} liked {u.the}, so they traded.", "\"Shall we swap?\" asked {b}. {a} agreed at once.", "After some talk they exchanged them.")
	s.moves("{a}", "{b}", 1, "{t}")
	s.moves("{b}", "{a}", 1, "{u}")
	withT := "b"
	s.aside()
	switch s.rng.IntN(3) {
	case 0:
		s.say("Then {c} came, and {b} gave {c.him} {t.the}.", "In the evening {b} sold {t.the} to {c}.", "{c} asked for {t.the}, and {b} gave it away.")
		s.moves("{b}", "{c}", 1, "{t}")
		withT = "c"
	case 1:
		s.say("{c} laughed and said it was a fair trade.", "{c} saw it and shook {c.his} head.", "{c} wrote it down for them.")
	case 2:
		s.say("But the next day both were sorry, and they swapped back, as {c} had said they would.",
			"{c} told them to think again, and before night they swapped back.")
		s.moves("{b}", "{a}", 1, "{t}")
		s.moves("{a}", "{b}", 1, "{u}")
		withT = "a"
	}
	withU := map[string]string{"a": "b", "b": "a", "c": "a"}[withT]
	s.set("wt", s.slots[withT])
	s.set("wu", s.slots[withU])
	s.maybe(50, "So {wt} went home with {t.the} and {wu} with {u.the}.", "Now {wu} had {u.the} and {wt} had {t.the}.")
	s.askHolder("Who had {t.the} in the end?", s.slots[withT], "{t}", "{a}", "{b}", "{c}", s.unused(names))
	s.askHolder("Who had {u.the} in the end?", s.slots[withU], "{u}", "{a}", "{b}", "{c}", s.unused(names))
	s.ask("Where did {a} and {b} meet?", "{p.at}.", s.otherPlaces("{home?}"))
}

// boxes: three boxes of different colours hold three things; one is opened.
func boxes(s *story) {
	s.begin()
	s.otherThing("u", things)
	s.otherThing("v", things)
	s.set("kind", s.unused(boxKinds))
	for i, c := range s.rng.Perm(len(colours))[:3] {
		s.set([]string{"k1", "k2", "k3"}[i], "the "+colours[c]+" "+s.slots["kind"])
	}
	s.say("{when} {b} put three things away.", "{b} had three {kind}s and a secret.", "{when} {b} prepared a game for {a}.")
	inside := []string{"t", "u", "v"}
	s.rng.Shuffle(3, func(i, j int) { inside[i], inside[j] = inside[j], inside[i] })
	for i, slot := range inside {
		k := []string{"k1", "k2", "k3"}[i]
		s.set("i"+k, s.slots[slot+".a"])
	}
	s.say("In {k1} was {ik1}, in {k2} was {ik2}, and in {k3} was {ik3}.",
		"{b.He} laid {ik1} in {k1}, {ik2} in {k2} and {ik3} in {k3}.",
		"{k1} held {ik1}, {k2} held {ik2}, and {k3} held {ik3}.")
	s.aside()
	chosen := s.pick("k1", "k2", "k3")
	s.set("ch", s.slots[chosen], ".in", s.slots["i"+chosen])
	s.say("Then {a} came in and was told to choose.", "\"Choose one,\" {b} said to {a}.", "\"You may open only one,\" said {b}.")
	s.say("{a} thought for a while and pointed at {ch}.", "{a} did not wait and took {ch}.", "\"I take {ch},\" said {a}.")
	s.aside()
	s.say("Inside {a.he} found {ch.in}.", "{a.He} opened it, and out came {ch.in}.", "When {a.he} opened it, there was {ch.in}.")
	s.say("{b} clapped {b.his} hands.", "\"It is yours,\" said {b}.", "{a} was allowed to keep it.", "It was just what {a} had hoped for.")
	for _, k := range s.rng.Perm(3) {
		slot := []string{"k1", "k2", "k3"}[k]
		s.ask("What was in {"+slot+"}?", "{i"+slot+"}.", append([]string{"{ik1}.", "{ik2}.", "{ik3}."}, s.otherThings()...))
	}
	s.ask("What did {a} find?", "{ch.in}.", append([]string{"{ik1}.", "{ik2}.", "{ik3}."}, s.otherThings()...))
}

// pets: each of three people has an animal; one runs off, and its owner is not named again.
func pets(s *story) {
	s.begin()
	s.another("c")
	s.place("p", "q")
	s.otherThing("x1", animals)
	s.otherThing("x2", animals)
	s.otherThing("x3", animals)
	for _, x := range []string{"x1", "x2", "x3"} {
		s.set(x, s.slots[x], ".a", withArticle(s.slots[x]))
	}
	s.say("{a} had {x1.a}, {b} had {x2.a} and {c} had {x3.a}.", "{a} owned {x1.a}. {b} owned {x2.a}. {c} owned {x3.a}.",
		"There was {a} with {x1.a}, {b} with {x2.a}, and {c} with {x3.a}.")
	s.aside()
	i := s.rng.IntN(3)
	owner := []string{"a", "b", "c"}[i]
	lost := []string{"x1", "x2", "x3"}[i]
	s.set("own", s.slots[owner], ".his", s.slots[owner+".his"], ".He", s.slots[owner+".He"])
	s.set("lost", s.slots[lost])
	s.say("{when} the {lost} ran away.", "{when} somebody left the gate open, and the {lost} was gone.", "{when} a loud noise scared the {lost}, and it ran off.")
	s.say("They looked for it {p.at}, but it was not there.", "First they searched {p.at}.", "Nobody had seen it {p.at}.")
	s.aside()
	s.say("At last it was found {q.at}, beside {t.a}.", "Then they heard it {q.at}, where it played with {t.a}.", "{q.at} it lay asleep next to {t.a}.")
	s.say("{own} was so glad that {own.his} eyes were wet.", "{own} carried the {lost} home.", "\"There you are!\" cried {own}.", "{own} promised to close the gate from now on.")
	s.ask("Whose {lost} was it?", "It was {own}'s.", []string{"It was {a}'s.", "It was {b}'s.", "It was {c}'s.", "It was " + s.unused(names) + "'s."})
	s.ask("Where was the {lost} found?", "{q.at}.", s.otherPlaces("{p.at}.", "{home?}"))
	s.ask("Which animal did {b} have?", "{x2.a}.", []string{"{x1.a}.", "{x3.a}.", withArticle(s.unusedAnimal()) + "."})
}

// unusedAnimal draws an animal that the story does not have.
func (s *story) unusedAnimal() string {
	for {
		if a := animals[s.rng.IntN(len(animals))].one; !s.used[a] {
			return a
		}
	}
}
