package pocket

// giving: somebody shares what they have; what is left must be reckoned.
func giving(s *story) {
	s.begin()
	s.food("f", foods)
	n := s.between(5, 14)
	k := s.between(1, n-3)
	s.number("n", n, "f")
	s.number("k", k, "f")
	s.say("{when} {a} had {n.full}.", "{when} {a} was given {n.full}.", "{when} {a} came home with {n.full}.",
		"{when} {a} carried {n.full} in {a.his} arms.", "{when} {a} counted {a.his} {f.fulls}: there were {n}.")
	s.gains("{a}", n, "{f}")
	s.aside()
	m := 0
	if s.chance(50) {
		m = s.between(1, 5)
		s.number("m", m, "f")
		s.say("{b} had only {m}.", "{b} had {m.f} already.", "{b} had no more than {m.f}.")
		s.gains("{b}", m, "{f}")
	} else {
		s.say("{b} had none.", "{b} was hungry.", "Then {b} came by with empty hands.", "{b} looked at the {f.s} and sighed.")
	}
	s.say("{a} gave {b} {k} of {a.his} {f.s}.", "So {a} gave {k.f} to {b}.", "\"Take {k.f},\" said {a}, and {b} was glad.",
		"{a} handed {k} of them to {b}.")
	if k == 1 {
		s.maybe(30, "It was the best one.")
	}
	s.moves("{a}", "{b}", k, "{f}")
	left := n - k
	if left > 3 && s.chance(50) {
		left -= s.alsoGone(left)
	}
	s.aside()
	s.inReturn()
	s.number("left", left, "f")
	s.number("sum", m+k, "f")
	s.maybe(60, "Now {a} had {left.f} left and {b} had {sum}.", "That left {a} with {left.f}, and {b} with {sum}.",
		"{b} counted {sum.f}, and {a} still had {left}.")
	s.askCount("How many {f.s} did {a} have left?", "{a}", "{f}", left, n, k)
	s.askCount("How many {f.s} did {b} have in the end?", "{b}", "{f}", m+k, n, k, left)
	s.askCount("How many {f.s} did {a} have at first?", "", "", n, left, k)
}

// alsoGone lets one to two more of the lead's things go, and returns how many.
func (s *story) alsoGone(left int) int {
	j := s.between(1, 2)
	s.number("j", j, "f")
	if s.chance(50) {
		s.another("c")
		s.say("{c} got {j} too.", "On the way {a} met {c} and gave {c.him} {j.f}.", "Later {c} asked for some, and {a} gave {c.him} {j}.")
		s.moves("{a}", "{c}", j, "{f}")
		s.askCount("How many {f.s} did {c} get?", "{c}", "{f}", j, left, j+1)
		return j
	}
	s.say("{a} ate {j} on the way home.", "Then {a} ate {j.f}.", "{j.f} fell into the mud and could not be saved.", "A hungry goat ate {j} of the rest.")
	s.gains("{a}", -j, "{f}")
	return j
}

// inReturn has the partner give the story's thing back.
func (s *story) inReturn() {
	s.say("In return {b} gave {a} {t.a}.", "{b} had {t.a} and gave it to {a} as thanks.", "\"This is for you,\" said {b}, and gave {a} {t.a}.",
		"To say thank you, {b} brought {a} {t.a}.")
	s.gains("{a}", 1, "{t}")
	s.ask("What did {b} give {a} in return?", "{t.a}.", s.otherThings("{f.a}."))
}

// otherThings lists wrong things: those given, then some of the world's that look like {t}.
func (s *story) otherThings(first ...string) []string {
	for range 4 {
		th := things[s.rng.IntN(len(things))]
		if !s.used[th.one] {
			first = append(first, withArticle(s.slots["t.look"]+th.one)+".")
		}
	}
	return first
}

// harvest: something is gathered on two or three days; the sum is reckoned, and some of it used.
func harvest(s *story) {
	s.begin()
	s.food("f", grown)
	s.placeOf("p", fields)
	s.set("d1", s.unused(days))
	s.set("d2", s.unused(days))
	n1, n2 := s.between(2, 7), s.between(2, 7)
	sum := n1 + n2
	s.number("n1", n1, "f")
	s.number("n2", n2, "f")
	s.say("{a} looked after the {f.s} {p.at}.", "There were good {f.s} {p.at} that year, and {a} gathered them.",
		"Every {season} {a} went {p.to} to gather {f.s}.")
	s.aside()
	s.say("On {d1} {a.he} brought home {n1.f}.", "On {d1} {a} gathered {n1.full}.", "{a} found {n1.f} on {d1}.")
	s.gains("{a}", n1, "{f}")
	s.aside()
	s.say("On {d2} there were {n2} more.", "{a} found {n2} more on {d2}.", "On {d2} {a.he} came back with {n2} more.")
	s.gains("{a}", n2, "{f}")
	s.number("sum", sum, "f")
	s.say("That made {sum} in all.", "Together that was {sum.f}.", "Now {a} had {sum.f}.", "{a} laid all {sum} of them in a row.")
	use := s.between(1, sum-1)
	s.number("use", use, "f")
	s.say("Then {b} came with {t.a} and wanted {use.f} for it.", "{b} offered {t.a} for {use} of them.")
	s.say("{a} agreed.", "\"That is fair,\" said {a}.", "{a} thought for a moment and said yes.")
	s.moves("{a}", "{b}", use, "{f}")
	s.gains("{a}", 1, "{t}")
	s.number("left", sum-use, "f")
	s.aside()
	s.maybe(60, "So {a} kept {left.f} and {t.the}.", "After that {a} had {left.f}, and {t.the} as well.", "{left.f} stayed with {a}.")
	s.askCount("How many {f.s} did {a} keep?", "{a}", "{f}", sum-use, sum, use, n1)
	s.askCount("How many {f.s} did {a} gather on {d1}?", "", "", n1, n2, sum)
	s.askCount("How many {f.s} did {a} gather on {d2}?", "", "", n2, n1, sum)
	s.ask("Where did {a} gather the {f.s}?", "{p.at}.", s.otherPlaces("{home?}"))
	s.ask("What did {b} give for the {f.s}?", "{t.a}.", s.otherThings())
}

// otherPlaces lists wrong places: those given, as far as the story has them, then four of the world's.
func (s *story) otherPlaces(first ...string) []string {
	var out []string
	for _, f := range first {
		if f == "{home?}" {
			if home, ok := s.slots["home.at"]; ok {
				out = append(out, home+".")
			}
			continue
		}
		out = append(out, f)
	}
	for range 5 {
		p := places[s.rng.IntN(len(places))]
		if !s.used[p.name] {
			out = append(out, p.at()+".")
		}
	}
	return out
}

// shopping: coins are spent at a price each.
func shopping(s *story) {
	s.begin()
	s.food("f", foods)
	s.place("p")
	price, k := s.between(1, 4), s.between(2, 4)
	cost := price * k
	n := s.between(cost+1, largestCount)
	s.set("coin", "coin", ".s", "coins", ".full", "coin", ".fulls", "coins")
	s.number("n", n, "coin")
	s.number("price", price, "coin")
	s.number("k", k, "f")
	s.number("cost", cost, "coin")
	s.say("{when} {a} went {p.to} with {n.coin}.", "{when} {a} took {n.coin} and walked {p.to}.", "{a} had saved {n.coin}, and {when} {a.he} went {p.to}.")
	s.gains("{a}", n, "coin")
	s.aside()
	s.say("There {b} was selling {f.s} for {price.coin} each.", "{b} stood there and sold {f.fulls}, {price.coin} for each.",
		"\"Fresh {f.s}! Only {price.coin} each!\" cried {b}.")
	s.say("{a} bought {k} of them and paid {cost.coin}.", "{a} wanted {k.f}, so {a.he} paid {cost.coin}.", "{a} chose {k} and gave {b} {cost.coin}.")
	s.moves("{a}", "{b}", cost, "coin")
	s.gains("{a}", k, "{f}")
	s.aside()
	left := n - cost
	s.number("left", left, "coin")
	s.say("{b} gave {a} {t.a} as a present.", "\"Take this {t.full} as well,\" said {b}. \"It is a present.\"", "{b} added {t.a} for nothing.")
	s.gains("{a}", 1, "{t}")
	s.maybe(60, "With {left.coin} in {a.his} pocket {a} went home.", "{a} still had {left.coin}.", "{a} put the last {left.coin} back into {a.his} purse.")
	s.askCount("How many coins did {a} have left?", "{a}", "coin", left, n, cost, price)
	s.askCount("How many {f.s} did {a} buy?", "{a}", "{f}", k, price, cost)
	s.askCount("How many coins did {a} pay?", "", "", cost, n, left, price)
	s.ask("Where did {a} buy the {f.s}?", "{p.at}.", s.otherPlaces("{home?}"))
}
