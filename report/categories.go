package report

// Category is a form of child sexual exploitation or abuse that a witness can
// name, in the words of the Luxembourg Guidelines.
type Category struct {
	Code string // as in what.categories
	Term string // the Guidelines' term, in English
}

// The broad terms come first, so that a witness who cannot tell more finds
// one. No term may be added that makes the child an agent of a trade: a child
// is exploited in prostitution, and never a prostitute.
var categories = []Category{
	{"travel-tourism", "sexual exploitation of children in the context of travel and tourism"},
	{"online-exploitation", "online child sexual exploitation"},
	{"sexual-abuse", "child sexual abuse"},
	{"exploitation-in-prostitution", "exploitation of children in or for prostitution"},
	{"trafficking", "trafficking of children for sexual exploitation"},
	{"forced-marriage", "child, early and forced marriage"},
	{"abuse-material", "child sexual abuse material"},
	{"live-streaming", "live streaming of child sexual abuse"},
	{"solicitation", "solicitation of children for sexual purposes (grooming)"},
	{"sexual-extortion", "sexual extortion of children"},
}

// Categories returns the categories in the order of the form. A report may
// also say "other" or [Unknown], which are no categories.
func Categories() []Category {
	return append([]Category(nil), categories...)
}

func categoryCodes() []string {
	var codes []string
	for _, c := range categories {
		codes = append(codes, c.Code)
	}
	return append(codes, "other", Unknown)
}
