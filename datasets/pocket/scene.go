package pocket

import "strings"

// Parts that several forms share: the hour and the weather, people's homes and work, what is seen and heard by the way,
// endings, and the questions at the end.

// weather is the mood of the sky in a story, with what may be said of it.
type weather struct {
	words   []string // "one {word} morning"
	sayings []string // what the sky does
	seasons []string // when it is like this
}

var weathers = []weather{
	{[]string{"bright", "sunny", "warm", "clear", "lovely"}, phrases(`The sun shone on the roofs.|There was not a cloud in the sky.|
		The air was warm and smelled of {flower}.|Bees hummed around the {flower}.|The shadows were short and sharp.`), strings.Fields("spring summer")},
	{[]string{"cold", "frosty", "chilly", "icy"}, phrases(`Ice covered the puddles.|Smoke rose straight from the chimneys.|
		Everybody wore thick socks.|Breath turned to little clouds.|The ground was hard as iron.`), strings.Fields("winter")},
	{[]string{"windy", "breezy", "stormy", "wild"}, phrases(`The wind shook the {tree}.|Leaves flew over the wall.|
		Shutters banged up and down the street.|The clouds moved fast.|Hats had to be held tight.`), strings.Fields("spring autumn")},
	{[]string{"grey", "misty", "cloudy", "foggy", "quiet"}, phrases(`Mist hung over the fields.|The hills could hardly be seen.|
		A soft grey light lay on everything.|Sounds seemed to come from far away.|Drops hung from every branch.`), strings.Fields("autumn winter")},
}

// open begins a story: it fills {when} and {sky} and casts what is seen by the way.
func (s *story) open() {
	w := weathers[s.rng.IntN(len(weathers))]
	part := s.pick("morning", "afternoon", "evening", "day")
	sky := s.pick(w.words...)
	day := s.unused(days)
	s.set("sky", sky)
	bird := s.pick(birds...)
	s.set("bird", bird, ".a", withArticle(bird))
	s.set("tree", s.pick(trees...))
	s.set("flower", s.pick(flowers...))
	season := s.pick(w.seasons...)
	s.set("season", season)
	s.set("hour", numbers[s.between(2, 12)])
	s.set("skysaying", s.fill(s.pick(w.sayings...)))
	s.set("when", s.pick("one "+sky+" "+part, "on "+withArticle(sky)+" "+part, "on "+day, "one "+sky+" "+day,
		"one "+part+" in "+season, "early on "+day, "late on "+day, "one "+sky+" "+season+" "+part, "at the end of "+season))
}

// work introduces a person by what they do and where they live; what is told can be asked.
func (s *story) work(slot string) {
	role := s.unused(roles)
	s.placeOf("home", homes)
	s.set("x", s.slots[slot], ".he", s.slots[slot+".he"], ".He", s.slots[slot+".He"])
	s.set("role", role, ".a", withArticle(role))
	s.say("{x} was {role.a} who lived near {home}.", "There was once {role.a} named {x}, who lived near {home}.",
		"Near {home} lived {role.a} named {x}.", "In a small house near {home} lived {x}, {role.a}.",
		"{x} worked as {role.a} and lived near {home}.", "Everyone near {home} knew {x}, the {role}.")
	var others []string
	for range 5 {
		others = append(others, "{x.He} was "+withArticle(s.pick(roles...))+".")
	}
	s.ask("What was {x}'s work?", "{x.He} was {role.a}.", others)
	s.set("worker", s.slots[slot])
}

// friends introduces the lead and the partner together.
func (s *story) friends() {
	s.say("{a} and {b} were good friends.", "{a} had {rel.a} named {b}.", "{a} and {b} lived on the same street.",
		"{a} and {b} had known each other for years.", "{b} was {a}'s best friend.", "{a} often visited {b}.")
}

// begin opens a story in one of several ways and makes sure that the lead is known.
func (s *story) begin() {
	s.open()
	relation := s.pick(relations...)
	s.set("rel", relation, ".a", withArticle(relation))
	switch s.rng.IntN(5) {
	case 0, 1:
		s.work("a")
		s.maybe(50, "{b} was {a.his} {rel}.", "{a.His} {rel} {b} lived next door.", "{a.He} had {rel.a} named {b}.")
	case 2, 3:
		s.friends()
	case 4:
		s.work("b")
		s.say("{a} was {b.his} {rel}.", "{b.His} {rel} was called {a}.", "{b.He} had {rel.a} named {a}.")
	}
}

// aside says what is seen or heard by the way, now and then.
func (s *story) aside() {
	if !s.chance(42) {
		return
	}
	if s.chance(35) && !s.used["wear"] {
		s.wear()
		return
	}
	if s.chance(40) && !s.used["sky"] {
		s.used["sky"] = true
		s.say("{skysaying}")
		return
	}
	if !s.used["bird"] {
		s.used["bird"] = true
		s.say("{bird.a} sang in the {tree}.", "{bird.a} sat in the {tree} and watched.", "High in the {tree} {bird.a} was calling.",
			"{bird.a} flew out of the {tree}.")
		return
	}
	s.say("Somewhere a dog barked.", "The church clock struck {hour}.", "Children were playing behind the wall.",
		"It smelled of fresh bread.", "The path was lined with {flower}.", "A cart rolled slowly past.", "Nobody else was there.",
		"Far away a bell rang.", "It was time for a short rest.", "The kettle was already singing.", "Everything was quiet for a while.",
		"Two old men were playing chess by the wall.", "A little stream ran along the way.", "Somebody was whistling a tune.")
}

// wear dresses the lead, which can be asked.
func (s *story) wear() {
	s.used["wear"] = true
	colour, garment := s.pick(colours...), s.pick(garments...)
	s.set("wear", colour+" "+garment, ".a", withArticle(colour+" "+garment))
	s.say("{a} wore {wear.a} that day.", "{a} was dressed in {wear.a}.", "{a} had put on {wear.a}.", "Everyone could see {a} from afar in {a.his} {wear}.")
	s.ask("What did {a} wear?", "{wear.a}.", []string{withArticle(colour+" "+s.pick(garments...)) + ".",
		withArticle(s.pick(colours...)+" "+garment) + ".", withArticle(s.pick(colours...)+" "+s.pick(garments...)) + "."})
}

// later looks back on the story, in most of them: who took part, and what it was about, are named again.
func (s *story) later() {
	if s.used["wear"] {
		s.maybe(40, "{a} hung the {wear} on a nail.", "The {wear} was covered with dust by then.", "There was a hole in the {wear} afterwards.",
			"{a} washed the {wear} that night.")
	}
	s.maybe(55, "A week later a letter came from {b}. \"I often think of {t.the},\" it said. \"Greetings to {a}!\"",
		"The next day {b} asked {a} about {t.the}, and {a} told everything once more.",
		"Years later {a} told {a.his} children about {b} and {t.the}.",
		"When it grew dark, {a} and {b} sat by the fire and spoke of {t.the}.",
		"The newspaper wrote about {a}, {b} and {t.the}.",
		"{b} drew a picture of {a} with {t.the} and hung it on the wall.",
		"In a dream {a} saw {t.the} again, as big as a house.",
		"\"What a day!\" said {a}. \"I shall remember {b} and {t.the} as long as I live.\"")
}

// ending rounds a story off, now and then with what was seen at its beginning.
func (s *story) ending() {
	if s.used["bird"] && s.chance(55) {
		s.say("The {bird} was still in the {tree}.", "In the {tree} the {bird} had fallen silent.", "The {bird} in the {tree} sang once more.",
			"Then the {bird} left the {tree}.")
		return
	}
	s.maybe(65, "{a} and {b} were happy.", "That night {a} slept well.", "{a} and {b} shook hands.",
		"They laughed about it all the way home.", "{b} smiled and waved goodbye to {a}.", "{a} told the story to everyone at home.",
		"It had been a good day after all.", "{b} never forgot that day.", "After that {a} and {b} drank tea together.",
		"{a} wrote it all down in a diary.", "And that was the end of it.", "{b} said that it had been a fine day.",
		"From then on {a} was more careful.", "{a} was tired but glad.", "{b} was proud of {a}.")
}

// recall asks about facts of the story, in most stories, and answers.
func (s *story) recall() {
	count := [...]int{0, 1, 2, 2, 3}[s.rng.IntN(5)]
	for _, i := range s.rng.Perm(len(s.facts))[:min(count, len(s.facts))] {
		f := s.facts[i]
		if s.chance(70) {
			s.say(f.ask + " " + f.answer)
			continue
		}
		s.set("asker", s.pick(askers...))
		s.say("\""+f.ask+"\" asked {asker}. \""+f.answer+"\"", "\""+f.ask+"\" {asker} wanted to know. \""+f.answer+"\"")
	}
}
