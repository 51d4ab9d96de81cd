package intake

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"time"
)

//go:embed numbers.json
var numbersFile []byte

// A Number is a telephone number that a page shows, as dated data.
type Number struct {
	// Dial is what the witness types.
	Dial string `json:"dial"`
	// Source is the page or text that the number was checked against.
	Source string `json:"source"`
	// Verified is the day it was checked (2006-01-02).
	Verified string `json:"verified"`
}

// StaleAt says whether the number was verified more than maxDays before now.
func (n Number) StaleAt(now time.Time, maxDays int) bool {
	day, err := time.Parse(time.DateOnly, n.Verified)
	return err != nil || now.Sub(day) > time.Duration(maxDays)*24*time.Hour
}

// loadNumbers reads the numbers by the name that templates call them.
func loadNumbers(data []byte) (map[string]Number, error) {
	var m map[string]Number
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading the telephone numbers: %w", err)
	}
	for name, n := range m {
		if n.Dial == "" || n.Source == "" {
			return nil, fmt.Errorf("reading the telephone numbers: %s lacks a number or a source", name)
		}
		if _, err := time.Parse(time.DateOnly, n.Verified); err != nil {
			return nil, fmt.Errorf("reading the telephone numbers: %s: %w", name, err)
		}
	}
	return m, nil
}
