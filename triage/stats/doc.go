// Package stats makes an organisation's yearly report: how many reports came,
// of what, from where, in which language, to whom they went and how fast. It
// takes rows, one for each report, and knows nothing of where they come from.
//
// What it guarantees: no count from 1 to 4 ([Least] is 5) can be computed from
// what is published, whoever knows how this program works. For every such count
// there is another set of reports, with another number in that place, of which
// the program publishes the same, byte for byte. The tests look for that twin.
//
// How, in the words of the literature on statistical disclosure control
// (Hundepool and others, Statistical Disclosure Control, Wiley 2012, chapters 4
// and 5; the threshold rule and its complementary suppression):
//
//   - The threshold is 5. A count that stands alone, such as of withdrawn
//     reports, is published as "<5" below it. As the number of all reports is
//     published exactly, all but a few is as telling as a few: it is "more than"
//     a number five below all.
//   - In a table, nothing is suppressed where it could be computed back from the
//     rest and the total. Groups are joined instead (global recoding) until each
//     has five: months with those that follow them, countries, languages,
//     categories and destinations with "other", whose members are not named. A
//     country with a single report is not even mentioned: that one report came
//     from there tells the few people whom it is about.
//   - What nobody said, what can't be read and what was destroyed is in "other"
//     too, or it would tell how many those are.
//   - Zero is published: nobody is there to be singled out. So is the total, from
//     five on; of a year with fewer reports nothing else is told.
//   - Shares are told as a range, the narrowest step of which is five reports, so
//     that a share tells no count. No share or median is told of fewer reports
//     than 20.
//
// What callers must do: publish a year once. Two editions of the same year,
// between which one report came or went, tell by their difference what each
// keeps. And make it before the time to purge: of what is destroyed, country,
// language and category are unknown.
package stats
