package triage

import (
	"encoding/json"
	"fmt"

	"tocsin/triage/links"
)

// A Linked inbox knows what its cases have in common. It is in memory only.
type Linked struct {
	*links.Index
	// Unread holds the cases whose reports could not be read, by ID, each with its
	// reason as a line for a terminal. They may have links that are not known.
	Unread map[string]string
}

// Linked finds what the cases have in common, by what their reports say and what
// their witnesses added. Points are near each other up to so many metres apart;
// links.DefaultMetres if that is 0. Retired cases have no keys any more and are
// passed over.
func (b *Inbox) Linked(metres float64) (*Linked, error) {
	l := &Linked{Index: links.NewIndex(metres), Unread: make(map[string]string)}
	for _, e := range b.entries {
		switch {
		case e.Summary.retired():
		case e.Keys == nil:
			l.Unread[e.ID.String()] = e.Summary.Problem
		default:
			var keys []links.Key
			if err := json.Unmarshal(e.Keys, &keys); err != nil {
				return nil, fmt.Errorf("reading what links case %s: %w", e.ID, err)
			}
			l.Add(e.ID.String(), keys)
		}
	}
	return l, nil
}

// FieldLabel says in English what a field of a report asked, or whence a
// link's key is.
func FieldLabel(name string) string {
	if name == links.Addition {
		return "Added later"
	}
	if label, ok := fieldLabels[name]; ok {
		return label
	}
	return name
}
