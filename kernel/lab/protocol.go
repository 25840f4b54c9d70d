package lab

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/parelab/pare/gomlxops/evaluate"
	"github.com/parelab/pare/tracker"
)

// The hyperparameters that say what a trial was measured on. Numbers of two protocols must never stand in one table.
const (
	measureParam    = "measure"           // text and part, or nothing
	elsewhereParam  = "measure_elsewhere" // the second text; absent without
	blocksParam     = "measure_blocks"    // -1: all
	lengthParam     = "measure_length"    // tokens per block
	paperParam      = "measure_protocol"  // of a paper; absent without
	questionsParam  = "measure_questions" // Questions.String; absent without
	measuredNothing = "nothing"
)

// params are the measurement's part of a trial's hyperparameters, o having its defaults.
func (o Measure) params() map[string]tracker.Value {
	if o.Nothing {
		return map[string]tracker.Value{measureParam: tracker.String(measuredNothing)}
	}
	p := map[string]tracker.Value{
		measureParam: tracker.String(whole(o.Text, o.part())),
		blocksParam:  tracker.Int(int64(o.Blocks)),
		lengthParam:  tracker.Int(int64(o.Length)),
	}
	if o.Elsewhere != "" {
		p[elsewhereParam] = tracker.String(whole(o.Elsewhere, WholeText))
	}
	if o.Protocol != "" {
		p[paperParam] = tracker.String(o.Protocol)
	}
	if asked := o.Questions.String(); asked != "" {
		p[questionsParam] = tracker.String(asked)
	}
	return p
}

// whole names a text with its part.
func whole(text string, part Part) string {
	name, part := splitName(text, part)
	return (&Tokens{Name: name, Part: part}).String()
}

// protocol is what trials were measured on, as they say.
type protocol struct {
	text, elsewhere  string
	paper, questions string
	blocks, length   int // length 0: the model's default
}

func (o Measure) protocol() protocol {
	if o.Nothing {
		return protocol{text: measuredNothing}
	}
	p := protocol{whole(cmp.Or(o.Text, Pocket), o.part()), "", o.Protocol, o.Questions.String(), cmp.Or(o.Blocks, defaultBlocks), o.Length}
	if paper, err := evaluate.FindPaper(o.Protocol); err == nil {
		p.blocks, p.length = -1, paper.Length
	}
	if o.Elsewhere != "" {
		p.elsewhere = whole(o.Elsewhere, WholeText)
	}
	return p
}

func protocolOf(t *tracker.Trial) protocol {
	number := func(name string) int {
		v, _ := t.Params[name].Float64()
		return int(v)
	}
	text := func(name string) string {
		if v, ok := t.Params[name]; ok {
			return fmt.Sprint(v.Any())
		}
		return ""
	}
	return protocol{text(measureParam), text(elsewhereParam), text(paperParam), text(questionsParam), number(blocksParam), number(lengthParam)}
}

// peers are the trials of a study that were measured as it measures now, in their order.
type peers struct {
	trials  []*tracker.Trial
	lengths []int // of blocks, ascending; one, unless models differ in what they take
	others  int   // trials that were measured otherwise
	asked   protocol
}

// peers picks the trials of the study's protocol. Where the length is the model's default, that of each model's latest trial counts.
func (s *Study) peers(trials []*tracker.Trial) peers {
	of := peers{asked: s.Measure.protocol()}
	latest := map[string]int{} // length by model
	for _, t := range trials {
		if p := protocolOf(t); of.asked.fits(p) {
			latest[name(t, "model")] = p.length
		}
	}
	for _, t := range trials {
		p := protocolOf(t)
		if !of.asked.fits(p) || p.length != latest[name(t, "model")] {
			of.others++
			continue
		}
		of.trials = append(of.trials, t)
		if !slices.Contains(of.lengths, p.length) {
			of.lengths = append(of.lengths, p.length)
		}
	}
	slices.Sort(of.lengths)
	return of
}

// fits says whether p is what was asked for.
func (asked protocol) fits(p protocol) bool {
	if asked.length == 0 {
		p.length = 0
	}
	return p == asked
}

// String says what was measured on, for the caption of a table: "Measured on pocket:heldout, 20 blocks of 256 tokens."
func (of peers) String() string {
	if of.asked.text == measuredNothing {
		return "Nothing was measured."
	}
	on := of.asked.text
	if of.asked.elsewhere != "" {
		on += " and " + of.asked.elsewhere
	}
	long := ""
	if len(of.lengths) > 0 {
		long = " of " + strings.ReplaceAll(strings.Trim(fmt.Sprint(of.lengths), "[]"), " ", " or ") + " tokens"
	}
	text := fmt.Sprintf("Measured on %s, %d blocks%s.", on, of.asked.blocks, long)
	if of.asked.blocks < 0 {
		text = fmt.Sprintf("Measured on %s, all blocks%s.", on, long)
	}
	if of.asked.paper != "" {
		text += " The protocol is that of " + of.asked.paper + "."
	}
	if of.asked.questions != "" {
		text += " Asked: " + of.asked.questions + "."
	}
	if of.others > 0 {
		text += fmt.Sprintf(" Trials that were measured otherwise, and are left out: %d.", of.others)
	}
	return text
}
