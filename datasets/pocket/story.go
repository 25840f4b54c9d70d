package pocket

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// story is one story while it is told: who and what takes part, the text so far, and the facts that it has set.
//
// Sentences are written as templates whose {slots} hold the cast: {a} a name, {a.he} {a.him} {a.his} its pronouns ({a.He}
// and {a.His} at the head of a sentence), {t} a thing, {t.a} and {t.the} with its looks, {p.at} and {p.to} a place.
type story struct {
	rng    *rand.Rand
	text   strings.Builder
	slots  map[string]string
	facts  []fact
	events []event

	form                  string // the kind of story
	lead, partner, object int    // indexes of {a}, {b} and {t}: they decide the stream that a story belongs to
	used                  map[string]bool
}

// fact is a question that the story has answered, with answers that would be wrong.
type fact struct {
	ask, answer string
	wrong       []string
	check       check
}

// check says what the fact claims in a form that can be held against the story's events.
type check struct {
	kind string // "count", "holder", or "" for facts told in one sentence
	who  string
	what string
	n    int
}

// event is a change of the world that a sentence told: who now has n more (or less) of what.
type event struct {
	who, what string
	n         int
}

// names are all people, women first.
var names = slices.Concat(women, men)

// newStory casts the two people and the thing that every story has.
func newStory(rng *rand.Rand, stream Stream) *story {
	s := &story{rng: rng, slots: make(map[string]string, 64), used: make(map[string]bool, 8)}
	for {
		s.lead, s.partner, s.object = rng.IntN(len(names)), rng.IntN(len(names)), rng.IntN(len(things))
		if s.lead != s.partner && streamOf(s.lead, s.partner, s.object) == stream {
			break
		}
	}
	s.person("a", names[s.lead])
	s.person("b", names[s.partner])
	s.thing("t", things[s.object])
	return s
}

// person puts a name and its pronouns into the slots.
func (s *story) person(slot, name string) {
	he, him, his := "he", "him", "his"
	if slices.Index(names, name) < len(women) {
		he, him, his = "she", "her", "her"
	}
	s.used[name] = true
	s.set(slot, name, ".he", he, ".him", him, ".his", his, ".He", capital(he), ".His", capital(his))
}

// another casts people who are not in the story yet.
func (s *story) another(slots ...string) {
	for _, slot := range slots {
		s.person(slot, s.unused(names))
	}
}

// unused draws a word that the story has not used, and marks it used.
func (s *story) unused(list []string) string {
	for {
		w := list[s.rng.IntN(len(list))]
		if !s.used[w] {
			s.used[w] = true
			return w
		}
	}
}

// thing puts a thing into the slots, with a colour or a look of its own.
func (s *story) thing(slot string, th thing) {
	look := s.pick(looks...)
	if s.chance(60) {
		look = s.pick(colours...)
	}
	s.looking(slot, th, look)
}

// food is thing with a taste in place of a colour.
func (s *story) food(slot string, list []thing) {
	s.looking(slot, s.unusedThing(list), s.pick(tastes...))
}

// looking puts a thing into the slots, in three of four stories with its look.
func (s *story) looking(slot string, th thing, look string) {
	s.used[th.one] = true
	if look += " "; !s.chance(75) {
		look = ""
	}
	s.set(slot, th.one, ".s", th.many, ".look", look, ".full", look+th.one, ".fulls", look+th.many,
		".a", withArticle(look+th.one), ".the", "the "+look+th.one)
}

// otherThing casts a thing that is not in the story yet.
func (s *story) otherThing(slot string, list []thing) {
	s.thing(slot, s.unusedThing(list))
}

// unusedThing draws a thing that is not in the story yet.
func (s *story) unusedThing(list []thing) thing {
	for {
		if th := list[s.rng.IntN(len(list))]; !s.used[th.one] {
			return th
		}
	}
}

// place casts places that are not in the story yet.
func (s *story) place(slots ...string) {
	for _, slot := range slots {
		s.placeOf(slot, places)
	}
}

// placeOf casts one place of a list.
func (s *story) placeOf(slot string, list []place) {
	for {
		if p := list[s.rng.IntN(len(list))]; !s.used[p.name] {
			s.used[p.name] = true
			s.set(slot, "the "+p.name, ".at", p.at(), ".to", p.to())
			return
		}
	}
}

// number puts a count into the slots: the word, and with the things of another slot.
func (s *story) number(slot string, n int, thingSlot string) {
	many := s.slots[thingSlot+".s"]
	manyFull := s.slots[thingSlot+".fulls"]
	if n == 1 {
		many, manyFull = s.slots[thingSlot], s.slots[thingSlot+".full"]
	}
	s.set(slot, numbers[n], "."+thingSlot, numbers[n]+" "+many, ".full", numbers[n]+" "+manyFull)
}

// set fills a slot and, in pairs of suffix and value, the slots that go with it.
func (s *story) set(slot, value string, more ...string) {
	s.slots[slot] = value
	for i := 0; i < len(more); i += 2 {
		s.slots[slot+more[i]] = more[i+1]
	}
}

// say adds one of the templates to the text.
func (s *story) say(templates ...string) {
	if s.text.Len() > 0 {
		s.text.WriteByte(' ')
	}
	s.text.WriteString(capital(s.fill(s.pick(templates...))))
}

// maybe says one of the templates with a probability in percent.
func (s *story) maybe(percent int, templates ...string) {
	if s.chance(percent) {
		s.say(templates...)
	}
}

// ask notes a fact. The first of wrong's entries that differ from the answer and one another become its distractors.
func (s *story) ask(question, answer string, wrong []string) {
	s.askChecked(question, answer, wrong, check{})
}

func (s *story) askChecked(question, answer string, wrong []string, c check) {
	f := fact{ask: capital(s.fill(question)), answer: capital(s.fill(answer)), check: c}
	c.who, c.what = s.fill(c.who), s.fill(c.what)
	f.check = c
	for _, w := range wrong {
		w = capital(s.fill(w))
		if w != f.answer && !slices.Contains(f.wrong, w) {
			f.wrong = append(f.wrong, w)
		}
	}
	s.facts = append(s.facts, f)
}

// askCount notes how many of what somebody has, and records that it must follow from the events.
func (s *story) askCount(question, who, what string, n int, told ...int) {
	s.askChecked(question, capital(numbers[n])+".", s.nearCounts(n, told), check{kind: "count", who: who, what: what, n: n})
}

// askHolder notes who has something; others are the people who might.
func (s *story) askHolder(question, who, what string, others ...string) {
	wrong := make([]string, len(others))
	for i, o := range others {
		wrong[i] = "It was " + o + "."
	}
	s.askChecked(question, "It was "+who+".", wrong, check{kind: "holder", who: who, what: what, n: 1})
}

// nearCounts lists wrong counts: those that the story told, then those near n.
func (s *story) nearCounts(n int, told []int) []string {
	var out []string
	for _, m := range append(slices.Clone(told), n+1, n-1, n+2, n-2, n+3) {
		if m != n && m >= 1 && m <= largestCount {
			out = append(out, capital(numbers[m])+".")
		}
	}
	return out
}

// gains records that who has n more of what; slots are filled.
func (s *story) gains(who string, n int, what string) {
	s.events = append(s.events, event{s.fill(who), s.fill(what), n})
}

// moves records that n of what went from one to another.
func (s *story) moves(from, to string, n int, what string) {
	s.gains(from, -n, what)
	s.gains(to, n, what)
}

// fill replaces the slots of a template. A slot that nothing was cast for is a mistake in a form and panics; the tests tell
// stories until every template was used.
func (s *story) fill(template string) string {
	open := strings.IndexByte(template, '{')
	if open < 0 {
		return template
	}
	out := make([]byte, 0, 2*len(template))
	for open >= 0 {
		end := open + strings.IndexByte(template[open:], '}')
		value, ok := s.slots[template[open+1:end]]
		if !ok {
			panic(fmt.Sprintf("pocket: template %q: nothing was cast for slot %q", template, template[open+1:end]))
		}
		out = append(out, template[:open]...)
		out = append(out, value...)
		template = template[end+1:]
		open = strings.IndexByte(template, '{')
	}
	return string(append(out, template...))
}

func (s *story) pick(from ...string) string { return from[s.rng.IntN(len(from))] }
func (s *story) chance(percent int) bool    { return s.rng.IntN(100) < percent }

// between draws a number from lo to hi, both included.
func (s *story) between(lo, hi int) int { return lo + s.rng.IntN(hi-lo+1) }

// capital makes the first letter of a sentence a capital one, after a quotation mark where there is one.
func capital(sentence string) string {
	i := 0
	if sentence != "" && sentence[0] == '"' {
		i = 1
	}
	if i < len(sentence) && sentence[i] >= 'a' && sentence[i] <= 'z' {
		return sentence[:i] + string(sentence[i]-'a'+'A') + sentence[i+1:]
	}
	return sentence
}
