package view

import (
	"fmt"
	"strings"

	"tocsin/triage"
)

// clock says how long is left of the time in which somebody must be told of a
// case, or where the case went.
func clock(s *triage.Summary) string {
	switch {
	case !s.Open():
		return ""
	case s.HoursLeft < 0:
		return "OVERDUE"
	}
	return fmt.Sprintf("%d h", s.HoursLeft)
}

// signs are what can't wait or changes how a case is worked with, in words.
// links is with how many others it has something in common.
func signs(s *triage.Summary, links int) []string {
	var list []string
	for _, sign := range []struct {
		is   bool
		word string
	}{
		{s.Problem != "", "UNREADABLE"},
		{s.Altered, "ALTERED"},
		{s.Danger, "DANGER"},
		{s.Departure, "DEPARTURE"},
		{s.Unheard, "NEWS"},
		{s.Held && s.State != triage.StateHeld, "held"},
		{s.Queued, "to push"},
	} {
		if sign.is {
			list = append(list, sign.word)
		}
	}
	if links > 0 {
		list = append(list, fmt.Sprintf("LINKED %d", links))
	}
	return append(list, s.Marks...)
}

// place is where it happened, and what was told first.
func place(s *triage.Summary) string {
	if s.Problem != "" {
		return "can't be read: " + s.Problem
	}
	if s.City == "" {
		return s.Account
	}
	return s.City + ": " + s.Account
}

// category is the first of a case's categories, and how many there are more.
func category(s *triage.Summary) string {
	switch len(s.Category) {
	case 0:
		return ""
	case 1:
		return s.Category[0]
	}
	return fmt.Sprintf("%s +%d", s.Category[0], len(s.Category)-1)
}

// whole says all that a summary has, in some lines.
func whole(s *triage.Summary, links int) []string {
	first := fmt.Sprintf("case %s, received %s, %s", s.ID, s.Day, s.State)
	if s.Open() {
		if s.HoursLeft < 0 {
			first += fmt.Sprintf(", OVERDUE by %d h", -s.HoursLeft)
		} else {
			first += fmt.Sprintf(", %d h left", s.HoursLeft)
		}
	}
	if len(s.HandedTo) > 0 {
		first += ", handed to " + strings.Join(s.HandedTo, ", ")
	}
	var second []string
	for _, part := range []string{s.Country, strings.Join(s.Category, ", ")} {
		if part != "" {
			second = append(second, part)
		}
	}
	if s.Assigned != "" {
		second = append(second, "assigned to "+s.Assigned)
	} else {
		second = append(second, "assigned to nobody")
	}
	second = append(second, signs(s, links)...)
	if s.Messages > 0 {
		second = append(second, count(s.Messages, "message"))
	}
	if s.Files > 0 {
		second = append(second, count(s.Files, "file"))
	}
	return []string{first, strings.Join(second, ", "), place(s)}
}
