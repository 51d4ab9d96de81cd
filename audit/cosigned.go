package audit

import "tocsin/ledger"

// Cosigned is the newest published checkpoint that its cosigners signed, as many
// as a roster asks for.
type Cosigned struct {
	Size int64      `json:"size"` // leaves that it covers
	By   []Cosigner `json:"by"`
}

// A Cosigner vouches that the ledger had only grown on a day, by its own clock.
type Cosigner struct {
	Name string     `json:"name"` // in the roster
	Day  ledger.Day `json:"day"`
}

func newCosigned(size int64, by []ledger.Cosignature) *Cosigned {
	c := &Cosigned{Size: size}
	for _, s := range by {
		c.By = append(c.By, Cosigner{s.Cosigner, ledger.DayOf(s.Time)})
	}
	return c
}
