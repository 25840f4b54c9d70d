package pocket

// reason is why somebody is sent somewhere, and what they bring back.
type reason struct{ because, errand, goods string }

var reasons = []reason{
	{"the flour was gone", "fetch flour", "a bag of flour"}, {"the lamp had no oil", "buy oil", "a can of oil"},
	{"the fire had gone out", "find dry wood", "an armful of dry wood"}, {"the baby was ill", "get medicine", "a bottle of medicine"},
	{"the well was dry", "bring water", "a bucket of water"}, {"the roof was leaking", "ask for nails", "a handful of nails"},
	{"guests were coming", "order a cake", "a tall cake"}, {"the cow was hungry", "get hay", "a bundle of hay"},
	{"there was no more bread", "buy bread", "three brown loaves"}, {"the soup had no taste", "get salt", "a pinch of salt"},
	{"the clock had stopped", "buy a spring", "a new spring"}, {"the window was broken", "order glass", "a sheet of glass"},
	{"the ink had dried up", "buy ink", "a pot of ink"}, {"it was somebody's birthday", "choose a present", "a present in blue paper"},
	{"the net was torn", "ask for string", "a ball of string"}, {"the hens had no corn", "fetch corn", "a sack of corn"},
	{"the stove was cold", "bring coal", "a basket of coal"}, {"the shoes were worn out", "buy leather", "a strip of leather"},
	{"the butter had melted", "get fresh butter", "a pound of butter"}, {"the door would not close", "borrow tools", "a box of tools"},
}

// otherReasons lists wrong reasons.
func (s *story) otherReasons(but int) []string {
	var out []string
	for _, i := range s.rng.Perm(len(reasons))[:5] {
		if i != but {
			out = append(out, "because "+reasons[i].because+".")
		}
	}
	return out
}

// errand: somebody is sent somewhere for a reason, and meets somebody with something on the way.
func errand(s *story) {
	s.begin()
	s.another("c")
	s.place("p", "q")
	i := s.rng.IntN(len(reasons))
	r := reasons[i]
	s.set("because", r.because)
	s.set("errand", r.errand)
	s.set("goods", r.goods)
	s.say("{when} {because}.", "{when} {b} saw that {because}.", "It was {sky} outside, and {because}.")
	s.say("\"Could you go {p.to} and {errand}?\" {b} asked {a}.", "So {b} sent {a} {p.to} to {errand}.", "{b} asked {a} to go {p.to} and {errand}.")
	s.maybe(60, "{a} set out at once.", "\"I will hurry,\" said {a}.", "{a} put on {a.his} coat and left.", "{a} was glad to help.")
	s.aside()
	s.say("{q.at} {a.he} met {c}, who carried {t.a}.", "{a} came past {c}, who stood {q.at} with {t.a}.", "On the way, {q.at}, {a} saw {c} with {t.a}.")
	s.say("They talked for a while.", "\"Where are you going?\" asked {c}. \"I am going {p.to},\" said {a}.", "{c} wished {a.him} good luck.",
		"\"This {t.full} belongs to my uncle,\" said {c}.")
	s.aside()
	s.say("{p.at} {a} got {goods} and turned back.", "Then {a} went on {p.to} and got {goods}.", "An hour later {a} left {p} with {goods}.")
	s.say("When {a.he} came home, {b} was waiting at the door.", "{b} was very pleased.", "\"Just in time,\" said {b}.", "{b} took everything and thanked {a.him}.")
	s.ask("Where did {b} send {a}?", "{p.to}.", []string{"{q.to}.", "to the " + s.unusedPlace() + ".", "to the " + s.unusedPlace() + "."})
	s.ask("Why did {a} go {p.to}?", "Because {because}.", s.otherReasons(i))
	s.ask("Whom did {a} meet on the way?", "It was {c}.", []string{"It was {b}.", s.stranger(), s.stranger()})
	s.ask("Where did {a} meet {c}?", "{q.at}.", s.otherPlaces("{p.at}.", "{home?}"))
	s.ask("What did {c} carry?", "{t.a}.", append([]string{"{goods}."}, s.otherThings()...))
}

// stranger is an answer that names somebody who is not in the story.
func (s *story) stranger() string { return "It was " + s.unused(names) + "." }

// unusedPlace draws a place that the story does not have.
func (s *story) unusedPlace() string {
	for {
		if p := places[s.rng.IntN(len(places))]; !s.used[p.name] {
			return p.name
		}
	}
}

var delays = phrases(`the river was too high|a tree lay across the road|a wheel came off|thick fog covered the road|the bridge was closed|
	a storm came up|the driver lost the way|the engine broke down|snow blocked the pass|a flock of sheep filled the road|the rain would not stop|
	the horse lost a shoe`)

// visit: a friend is invited to bring something, travels somehow, and comes late for a reason.
func visit(s *story) {
	s.begin()
	s.place("p", "q")
	s.set("come", s.unused(days))
	s.set("late", s.unused(days))
	ride := s.rng.IntN(len(rides))
	delay := s.rng.IntN(len(delays))
	s.set("ride", rides[ride])
	s.set("delay", delays[delay])
	s.say("{when} {a} wrote a letter to {b}, who was staying {p.at}.", "{b} was living {p.at}, far from {a}, and {when} a letter came.",
		"{when} {a} sent a note to {b}, who was working {p.at}.")
	s.say("\"Please come on {come} and bring {t.a},\" it said.", "It asked {b.him} to come on {come} with {t.a}.", "\"Visit me on {come}, and do not forget {t.the},\" {a} had written.")
	s.aside()
	s.say("{b} packed {t.the} and set off {ride}.", "{b} wrapped {t.the} in paper and travelled {ride}.", "So {b} took {t.the} and came {ride}.")
	s.say("But {delay}, and {b} had to wait {q.at}.", "Near {q} {delay}, so {b} lost a whole day.", "Then {delay}, and it took longer than planned.")
	s.aside()
	s.say("{b.He} did not arrive until {late}.", "It was {late} when {b.he} came at last.", "Only on {late} did {b.he} knock at {a}'s door.")
	s.say("{a} took {t.the} and laughed with joy.", "\"Better late than never!\" said {a}.", "{a} had soup and bread ready.", "{a} hung {t.the} on the wall that very night.")
	s.ask("How did {b} travel?", "{ride}.", []string{rides[(ride+1)%len(rides)] + ".", rides[(ride+3)%len(rides)] + ".", rides[(ride+6)%len(rides)] + "."})
	s.ask("Why was {b} late?", "Because {delay}.", []string{"because " + delays[(delay+1)%len(delays)] + ".", "because " + delays[(delay+5)%len(delays)] + ".", "because " + delays[(delay+8)%len(delays)] + "."})
	s.ask("On which day did {b} arrive?", "On {late}.", []string{"On {come}.", "On " + s.unused(days) + ".", "On " + s.unused(days) + "."})
	s.ask("What did {b} bring?", "{t.a}.", s.otherThings())
	s.ask("Where had {b} been before?", "{p.at}.", s.otherPlaces("{home?}"))
}

// search: something is lost, looked for where it is not, and found.
func search(s *story) {
	s.begin()
	s.place("p", "q", "r")
	s.set("h1", s.unused(hidingPlaces))
	s.set("h2", s.unused(hidingPlaces))
	s.set("h3", s.unused(hidingPlaces))
	s.say("{when} {a} could not find {a.his} {t.full}.", "{when} {a} lost {a.his} {t.full}.", "{when} {a}'s {t.full} was missing.")
	s.maybe(60, "{a.He} had it {p.at} the day before.", "{a.He} was sure that it had been {p.at}.", "{a.He} remembered using it {p.at}.")
	s.aside()
	s.say("{a.He} looked {h1}, but it was not there.", "First {a.he} searched {h1}. Nothing!", "It was not {h1}.")
	s.say("Then {b} came to help.", "{a} asked {b} for help.", "{b} heard about it and came over.")
	s.say("{b} looked {h2} and found only dust.", "{b} tried {h2}, but found nothing.", "They searched {h2} together.")
	s.aside()
	finder := s.pick("a", "b")
	s.set("fi", s.slots[finder], ".his", s.slots[finder+".his"])
	s.say("At last {fi} went {q.to} and found {t.the} {h3}.", "In the end it was {fi} who found {t.the}: it lay {h3} {q.at}.",
		"When it was nearly dark, {fi} saw {t.the} {h3} {q.at}.")
	s.say("\"Here it is!\" cried {fi}.", "{fi} held it up and laughed.", "{fi} brought it home.", "A mouse must have carried it there.")
	s.maybe(50, "From that day {a} kept {t.the} in a safe place.", "{a} put {t.the} back where it belonged.")
	who := []string{"It was {a}.", "It was {b}.", s.stranger(), s.stranger()}
	s.ask("Who found {t.the}?", "It was {fi}.", who)
	s.ask("Where was {t.the}?", "{h3}.", []string{"{h1}.", "{h2}.", s.unused(hidingPlaces) + "."})
	s.ask("What had {a} lost?", "{t.a}.", s.otherThings())
	s.ask("Where did {a} look first?", "{h1}.", []string{"{h2}.", "{h3}.", s.unused(hidingPlaces) + "."})
}
