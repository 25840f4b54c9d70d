package pocket

// form is one kind of story.
type form struct {
	name string
	tell func(*story)
}

// forms are all kinds of stories, told equally often. Their order belongs to the world: a seed picks by it.
var forms = []form{
	{"giving", giving}, {"harvest", harvest}, {"shopping", shopping}, // counts (forms_counts.go)
	{"passing", passing}, {"swap", swap}, {"boxes", boxes}, {"pets", pets}, // who holds what (forms_holders.go)
	{"errand", errand}, {"visit", visit}, {"search", search}, // where, and why (forms_ways.go)
	{"damage", damage}, {"work", sharedWork}, {"contest", contest}, // what happened, and through whom (forms_deeds.go)
}
