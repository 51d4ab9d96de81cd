package audit

import (
	"slices"
	"strconv"

	"tocsin/ledger"
)

// A chart is drawn in the page, in the colour of its text. What it shows is told
// again by the table below it.
type chart struct {
	Height  int // in its own units; it is chartWidth wide
	Columns []bar
	Bars    []bar
}

// A bar is one number with its label, at their places in a chart.
type bar struct {
	Label, Count                   string
	X, Y, Width, Height            int
	LabelX, LabelY, CountX, CountY int
}

const (
	chartWidth   = 640
	columnHeight = 140 // of the highest column
	barHeight    = 36  // of a bar with its label above
	barWidth     = 540 // of the longest bar
	chartWeeks   = 53
	chartBars    = 20
)

// weekChart draws the last 53 weeks up to the last in which a report came, those
// without one as well. Every so many are labelled, so that labels do not meet.
func weekChart(weeks []Week) *chart {
	if len(weeks) == 0 {
		return nil
	}
	count := map[ledger.Day]int{}
	for _, w := range weeks {
		count[w.From] = w.Reports
	}
	last := weeks[len(weeks)-1].From.Time()
	var shown []Week
	for at := last; len(shown) < chartWeeks && ledger.DayOf(at) >= weeks[0].From; at = at.AddDate(0, 0, -7) {
		w := weekOf(ledger.DayOf(at))
		w.Reports = count[w.From]
		shown = append(shown, w)
	}
	slices.Reverse(shown)
	most := slices.MaxFunc(shown, func(x, y Week) int { return x.Reports - y.Reports }).Reports
	step := min(40, chartWidth/len(shown))
	every := (70 + step - 1) / step
	c := &chart{Height: columnHeight + 40}
	for i, w := range shown {
		high := columnHeight * w.Reports / max(1, most)
		b := bar{X: i * step, Y: 18 + columnHeight - high, Width: max(1, step-2), Height: high}
		b.CountX, b.CountY = b.X+b.Width/2, b.Y-4
		b.LabelX, b.LabelY = b.X, c.Height-6
		if i%every == 0 && i*step <= chartWidth-70 {
			b.Label = w.Week
		}
		if w.Reports > 0 && (step >= 20 || w.Reports == most) {
			b.Count = strconv.Itoa(w.Reports)
		}
		c.Columns = append(c.Columns, b)
	}
	return c
}

// destinationChart draws to which destinations reports went, those to which most
// did first.
func destinationChart(list []Destination) *chart {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(x, y Destination) int { return y.Reports - x.Reports })
	list = list[:min(len(list), chartBars)]
	c := &chart{Height: barHeight * len(list)}
	for i, d := range list {
		b := bar{Label: d.Name, Count: strconv.Itoa(d.Reports), Y: i*barHeight + 18, Height: 12}
		b.Width = max(1, barWidth*d.Reports/max(1, list[0].Reports))
		b.LabelY, b.CountX, b.CountY = i*barHeight+13, b.Width+8, i*barHeight+29
		c.Bars = append(c.Bars, b)
	}
	return c
}
