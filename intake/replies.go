package intake

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"tocsin/ledger"
	"tocsin/report"
	"tocsin/seal"
	"tocsin/vault"
)

// maxReplies is how many replies, the newest, a page shows.
const maxReplies = 50

// A replyText is a case worker's words as the page shows them.
type replyText struct {
	Day        ledger.Day
	Text       string
	Unreadable bool // damaged, or of a later version
}

// A stage is one line of how far a report is: the catalogue's key, with the day
// put in, or N.
type stage struct {
	Key string
	Day ledger.Day
	N   int
	To  string // whom it was handed over to, if the witness may know
}

// replies is what a page says besides the case itself.
type replies struct {
	Said    string // key of a sentence about what was just done, or ""
	Once    string // of the form for an addition, or "" for a new one
	Text    string // of the addition, typed so far
	Problem string // with Text
	Unsure  bool   // the report was to be destroyed, and the box was not ticked
}

// repliesPage shows how far a case is and what the case workers answered, opened
// in memory with the witness's key.
func (s *Server) repliesPage(x *exchange, v *visit, r replies) (*bytes.Buffer, error) {
	history, err := s.vault.History(v.found.ID)
	if err != nil {
		return nil, fmt.Errorf("reading a case's history: %w", err)
	}
	if last := history[len(history)-1].Leaf; last.Retires() {
		return s.withdrawnPage(x.lang, last.Day), nil
	}
	policy := s.vault.Roster().Policy
	page := struct {
		view
		attachments
		addition
		Codename    string
		Said        string
		Text        string
		Problem     string
		Unsure      bool
		Steps       []stage
		Replies     []replyText
		More        int // older ones that are not shown
		MayWithdraw bool
	}{
		view:        s.carrying(x.lang, "replies", "return", "keep"),
		attachments: s.attachments(x.lang),
		Codename:    v.codename.String(),
		Said:        r.Said,
		Text:        r.Text,
		Problem:     r.Problem,
		Unsure:      r.Unsure,
		MayWithdraw: policy.Withdraw && unseen(history),
	}
	if page.addition, err = newAddition(r.Once, replied(history)); err != nil {
		return nil, err
	}
	told := s.told(x.lang, v, history, &page.Replies, &page.More)
	page.Steps = stages(history, told, policy.DeadlineHours)
	return s.render("replies", page), nil
}

// unseen says whether nothing in a case tells of a case worker who has seen it.
func unseen(history []vault.Entry) bool {
	return !slices.ContainsFunc(history, func(e vault.Entry) bool { return e.Leaf.PreventsWithdrawal() })
}

// replied counts the replies in a case.
func replied(history []vault.Entry) int {
	n := 0
	for _, e := range history {
		if isReply(e.Leaf) {
			n++
		}
	}
	return n
}

func isReply(l *ledger.Leaf) bool {
	return l.Event == ledger.EventMessage && l.Kind == ledger.KindReply
}

// told opens the replies, of which it puts the newest in texts, and says to whom
// they tell that the case was handed over.
func (s *Server) told(l *Language, v *visit, history []vault.Entry, texts *[]replyText, more *int) string {
	var authorities []string
	for _, e := range history {
		if !isReply(e.Leaf) {
			continue
		}
		// A reply that does not open is said on the page and nowhere else: a
		// log line would tell when its one witness came back.
		m, err := s.openReply(e.Index, v)
		if err != nil {
			*texts = append(*texts, replyText{Day: e.Leaf.Day, Unreadable: true})
			continue
		}
		for _, a := range m.HandedTo {
			if !slices.Contains(authorities, a) {
				authorities = append(authorities, a)
			}
		}
		if strings.TrimSpace(m.Text) != "" {
			*texts = append(*texts, replyText{Day: e.Leaf.Day, Text: m.Text})
		}
	}
	if n := len(*texts) - maxReplies; n > 0 {
		*more, *texts = n, (*texts)[n:]
	}
	var names []string
	for _, a := range report.Authorities() {
		if slices.Contains(authorities, a) {
			names = append(names, l.T("authority."+a))
		}
	}
	return strings.Join(names, " · ")
}

func (s *Server) openReply(index int64, v *visit) (*report.Message, error) {
	sealed, err := s.vault.OpenMessage(index)
	if err != nil {
		return nil, err
	}
	defer sealed.Close()
	m, err := seal.ReadMessage(sealed, sealed.Size(), v.credential.Identity, v.context(seal.KindReply), nil)
	if err != nil {
		return nil, err
	}
	return report.ParseMessage(m.Body)
}

// stages lays a case's history out for its witness. told is to whom it was
// handed over, or "".
func stages(history []vault.Entry, told string, deadline int) []stage {
	var list []stage
	read, handed := false, 0
	for _, e := range history {
		day := e.Leaf.Day
		switch e.Leaf.Event {
		case ledger.EventMessage:
			switch e.Leaf.Kind {
			case ledger.KindReport:
				list = append(list, stage{Key: "status.received", Day: day})
			case ledger.KindAddition:
				list = append(list, stage{Key: "status.added", Day: day})
			case ledger.KindReply:
				read = true
			}
		case ledger.EventRead:
			if !slices.ContainsFunc(list, func(s stage) bool { return s.Key == "status.read" }) {
				list = append(list, stage{Key: "status.read", Day: day})
			}
			read = true
		case ledger.EventHandedOver:
			handed = len(list)
			list = append(list, stage{Key: "status.handed", Day: day})
			read = true
		case ledger.EventAcknowledged:
			list = append(list, stage{Key: "status.acknowledged", Day: day})
		}
	}
	if told != "" && handed > 0 {
		list[handed].To = told
	}
	if !read {
		list = append(list, stage{Key: "status.unread", N: deadline})
	}
	return list
}

// An addition is the form with which a witness adds to a report.
type addition struct {
	Once    string // makes sending it twice sending it once: 32 bytes in hexadecimal
	Seen    int    // replies that were there when the page was made
	MaxText int
}

func newAddition(once string, seen int) (addition, error) {
	a := addition{Once: once, Seen: seen, MaxText: report.MaxMessage}
	if _, err := parseOnce(a.Once); err != nil {
		var fresh [32]byte
		if _, err := rand.Read(fresh[:]); err != nil {
			return a, fmt.Errorf("drawing a number for an addition: %w", err)
		}
		a.Once = hex.EncodeToString(fresh[:])
	}
	return a, nil
}

func parseOnce(s string) (once [32]byte, err error) {
	b, err := hex.DecodeString(s)
	if err == nil && len(b) != len(once) {
		err = hex.ErrLength
	}
	if err == nil {
		copy(once[:], b)
	}
	return once, err
}
