package pocket

import (
	"slices"
	"strings"
)

// The words of the world. Streams, the tokenizer and the published numbers all follow from these lists: a changed list is a
// new world, for which model/ is made anew.

var women = strings.Fields(`Ada Agnes Alma Amber Anna Bella Berta Celia Clara Cora Daisy Dora Edith Ella Elsa Emma Esther Eva Fern
	Flora Freya Gerda Grace Greta Hanna Hazel Helga Ida Ingrid Irma Iris Ivy Jane June Karin Kate Lena Lily Lotte Lucy Mabel Maria
	Marta Mira Molly Nadia Nell Nina Nora Olga Petra Rosa Ruth Sara Selma Sofia Tessa Thea Vera Wilma`)

var men = strings.Fields(`Abel Adam Albin Anton Arno Basil Ben Bruno Carl Caspar Conrad David Edgar Edwin Emil Erik Felix Finn Frank
	Georg Gus Hans Harry Hector Henry Hugo Igor Ivan Jacob Jasper Joel Jonas Karl Knut Lars Leo Linus Louis Lucas Magnus Mark Martin
	Max Milo Nils Noah Olaf Oscar Otto Paul Peter Ralph Robin Samuel Simon Theo Tom Victor Walter Willem`)

var roles = strings.Fields(`baker farmer teacher sailor tailor painter fisher miller weaver potter doctor gardener carpenter shepherd
	singer cook smith hunter builder writer printer barber dancer driver cobbler nurse`)

// thing is something that a person can carry. Its plural is regular where it is not given.
type thing struct{ one, many string }

var things = parseThings(`kite lamp drum ring key bell basket bottle brush bucket button candle cap chain clock cloak coat comb
	compass cup dish doll feather fiddle flag flute fork glove hammer hat helmet hook horn jar jug kettle ladder lantern locket
	map marble mask medal mirror mug needle necklace net notebook oar paddle pan parcel pen pencil pillow pipe plate pot
	pouch puppet purse quilt ribbon rope sack saddle saw scarf/scarves shawl shell shovel sled spade spoon stamp stone stool
	sword teapot ticket torch/torches toy tray trumpet umbrella vase violin wagon watch/watches wheel whistle book box/boxes
	brooch/brooches knife/knives picture letter blanket broom coin-box/coin-boxes mitten slipper telescope`)

// Foods grow somewhere or are baked; only the former are gathered.
var (
	grown = parseThings(`apple pear plum cherry/cherries berry/berries peach/peaches egg nut carrot turnip potato/potatoes onion
		radish/radishes tomato/tomatoes cabbage pumpkin melon lemon orange fig walnut chestnut mushroom bean`)
	baked = parseThings(`bun cake cookie loaf/loaves pie tart pancake biscuit`)
	foods = slices.Concat(grown, baked)
)

var colours = strings.Fields(`red blue green yellow white black brown grey pink purple orange silver golden`)

var looks = strings.Fields(`old new small big heavy shiny dusty wooden round painted striped pretty plain tiny strange simple precious lucky
	cheap odd clean handsome`)

var tastes = strings.Fields(`ripe sweet fresh small big round juicy sour fine brown`)

// place is somewhere to go, with the word that says being there.
type place struct{ prep, name string }

func (p place) at() string { return p.prep + " the " + p.name }
func (p place) to() string { return "to the " + p.name }

var places = parsePlaces("at", `harbour market mill station well school inn crossing ferry fountain lighthouse church pond bakery spring`,
	"in", `garden barn forest cellar kitchen orchard valley village square library tower workshop stable cave meadow field attic park
	museum castle vineyard greenhouse shed chapel courtyard canyon tavern hall`,
	"on", `hill bridge beach island roof road riverbank farm pier platform cliff mountain balcony terrace dock`)

// homes are the places near which people live.
var homes = parsePlaces("at", `harbour market mill station school inn ferry church pond bakery spring lighthouse`,
	"in", `forest orchard valley square library meadow park castle vineyard museum`, "on", `hill bridge beach farm pier`)

// fields are the places where things grow.
var fields = parsePlaces("in", `garden orchard forest field meadow valley greenhouse vineyard park`, "on", `hill farm island riverbank`)

// hidingPlaces are where small things are found: a phrase each.
var hidingPlaces = phrases(`under the bed|behind the stove|in the tall grass|inside an old boot|on the top shelf|beneath the stairs|
	behind the curtain|in the coat pocket|under a pile of leaves|between two stones|inside the piano|under the table|behind the door|
	at the bottom of the chest|beside the fireplace|in the hollow tree|under the rug|on the window sill|behind the wood pile|
	in the flower pot|inside the empty barrel|under the bench|among the blankets|near the gate`)

var boxKinds = strings.Fields(`box drawer chest bag basket tin case trunk`)

// animal is a creature that a person may own or a yard may hold.
var animals = parseThings(`dog cat goat hen pony/ponies donkey duck goose/geese rabbit lamb calf/calves pig parrot turtle hamster kitten
	puppy/puppies rooster mule swan`)

var birds = strings.Fields(`robin sparrow crow owl thrush lark swallow magpie dove finch heron raven`)
var trees = strings.Fields(`oak birch willow elm maple pine beech ash linden cedar`)
var flowers = strings.Fields(`roses tulips daisies lilies poppies violets daffodils sunflowers bluebells`)
var days = strings.Fields(`Monday Tuesday Wednesday Thursday Friday Saturday Sunday`)
var rides = phrases(`by train|by boat|on foot|by cart|on horseback|by coach|by bicycle|by sledge`)
var relations = strings.Fields(`friend neighbour cousin partner`)
var askers = phrases(`the teacher|a child|the old man|grandmother|grandfather|the judge|a stranger|the neighbour|the little girl|the boy`)

var numbers = strings.Fields(`no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
	seventeen eighteen nineteen twenty`)

// garments are worn, by the lead of a story now and then, and never given away.
var garments = strings.Fields(`jacket robe apron sweater vest shirt tunic jersey cape`)

// largestCount is the largest number that a story tells.
const largestCount = 20

func parseThings(list string) []thing {
	var out []thing
	for _, w := range strings.Fields(list) {
		one, many, given := strings.Cut(w, "/")
		one = strings.ReplaceAll(one, "-", " ")
		many = strings.ReplaceAll(many, "-", " ")
		if !given {
			many = one + "s"
		}
		out = append(out, thing{one, many})
	}
	return out
}

// parsePlaces reads alternating prepositions and lists of places.
func parsePlaces(list ...string) []place {
	var out []place
	for i := 0; i < len(list); i += 2 {
		for _, w := range strings.Fields(list[i+1]) {
			out = append(out, place{list[i], w})
		}
	}
	return out
}

// phrases reads a list with "|" between its entries.
func phrases(list string) []string {
	out := strings.Split(list, "|")
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

// withArticle puts a or an before a phrase.
func withArticle(phrase string) string {
	if strings.ContainsRune("aeiou", rune(phrase[0])) {
		return "an " + phrase
	}
	return "a " + phrase
}
