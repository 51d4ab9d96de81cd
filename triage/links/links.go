// Package links finds what reports have in common: the same place, plate,
// flight, handle, phone number, address online or e-mail address, however each
// witness wrote it.
//
// [KeysOf] takes the keys out of a report. An [Index] holds the keys of many
// cases and says which of them meet, and why. Nothing here opens, stores or
// sends anything: a key holds what a witness told, so whoever keeps keys keeps
// them sealed.
//
// What the package guarantees:
//
//   - The same reports give the same keys, links and clusters in the same
//     order, whatever the order in which they were added.
//   - No text makes it fail, and a report gives at most [MaxKeys] keys with
//     values of at most [MaxValue] bytes.
//   - What the witness said of themselves or of other witnesses (the fields
//     witness.* and others.witnesses) gives no key: reports are linked by what
//     happened, not by who sent them. A witness who writes their own number
//     into the account is not recognised as its owner.
//
// A link is a hint for a person, who reads both reports. What it can't see:
//
//   - Scripts. Names in Cyrillic, Greek, Devanagari, Bengali and Gurmukhi are
//     compared with Latin ones by the tables in fold.go and indic.go. Names in
//     Arabic, Hebrew, Thai, Khmer, Chinese and all other scripts match only
//     names in the same script; cities are known across scripts as far as
//     cities.txt goes.
//   - Names that were translated ("Hotel White Swan", "Отель Белый лебедь"),
//     two slips in one name, or one in a name of fewer than six letters.
//   - Which house a name without its city means, once the cases know that name
//     in two cities of the country. A further case can so take such a link
//     away; no other kind of link goes when cases come.
//   - That a hotel and the bar of the same name beside it belong together, if
//     no witness names both trades.
//   - Plates, numbers and handles with a single character wrong: those belong
//     to others.
package links

import (
	"unicode/utf8"

	"tocsin/report"
)

// Kind is what two reports have in common.
type Kind string

// The kinds, the most telling first.
const (
	Plate  Kind = "plate"
	Phone  Kind = "phone"
	Email  Kind = "e-mail"
	Handle Kind = "handle"
	URL    Kind = "url" // host, or the whole address on a host that thousands share
	Flight Kind = "flight"
	Place  Kind = "place"
	Near   Kind = "near" // coordinates
)

// Kinds returns all kinds, the most telling first.
func Kinds() []Kind {
	return []Kind{Plate, Phone, Email, Handle, URL, Flight, Place, Near}
}

const (
	// MaxKeys is the most keys that one case has. Real reports have a handful;
	// a report made of nothing but addresses is not worth more.
	MaxKeys = 64
	// MaxValue is the longest value of a key, in bytes. What is longer is no
	// key.
	MaxValue = 256
	// maxShown is how much of the witness's text a key keeps, in characters.
	maxShown = 120
)

// A Key is one thing of a report that another report may name too.
type Key struct {
	Kind  Kind   `json:"kind"`
	Value string `json:"value"` // normalised; its form is each kind's own
	// Shown is what the witness wrote, at most 120 characters of it. It is a
	// stranger's text: whoever shows it cleans it.
	Shown string `json:"shown"`
	Field string `json:"field"` // as in package report; [Addition] for a message
}

// Addition stands as the field of what a witness added later.
const Addition = "addition"

// KeysOf returns the keys of a report and of the texts that its witness added.
func KeysOf(r *report.Report, additions ...string) []Key {
	c := &collector{seen: make(map[[2]string]bool), country: r.Where.Country}
	if c.country == report.Unknown {
		c.country = ""
	}
	// What a report has one of comes first, so that a page of addresses does
	// not take its place.
	c.plates(r.Suspect.Plate)
	c.flight(r)
	c.add(Place, placeValue(r.Where.Place, r.Where.City, c.country), r.Where.Place, "where.place")
	c.add(Near, nearValue(r.Where.Coordinates), r.Where.Coordinates, "where.coordinates")
	c.handles(r.Online.Platform, r.Online.Handle)
	c.addresses(r.Online.URL, "online.url")
	for _, f := range report.Fields() {
		if !accounts[f.Name] {
			continue
		}
		for _, text := range r.Get(f.Name) {
			c.freeText(text, f.Name)
		}
	}
	for _, text := range additions {
		c.freeText(text, Addition)
	}
	return c.keys
}

// accounts are the fields in which addresses and numbers are looked for
// although they ask for something else.
var accounts = map[string]bool{
	"danger.details": true,
	"what.seen":      true, "what.heard": true, "what.suspected": true, "what.behaviour": true, "what.why": true,
	"where.address": true, "where.suspect_now": true, "where.child_now": true,
	"online.url": true, "online.handle": true,
	"suspect.name": true, "suspect.description": true, "suspect.tour_company": true,
	"child.description": true, "others.reaction": true, "evidence.description": true,
}

// A collector gathers the keys of one report.
type collector struct {
	keys    []Key
	seen    map[[2]string]bool
	country string // of the facts, or empty
}

// add keeps a key, unless it has no value or is there already.
func (c *collector) add(kind Kind, value, shown, field string) {
	id := [2]string{string(kind), value}
	if value == "" || len(value) > MaxValue || len(c.keys) == MaxKeys || c.seen[id] {
		return
	}
	c.seen[id] = true
	c.keys = append(c.keys, Key{kind, value, cut(shown, maxShown), field})
}

// cut returns the first n characters of s.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
