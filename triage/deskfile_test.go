package triage

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"tocsin/desk"
)

// stream writes frames as they are carried.
func stream(t testing.TB, fill func(*desk.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := desk.NewWriter(&b)
	fill(w)
	ok(t, w.Close())
	return b.Bytes()
}

// carried returns a stick of each kind as the verbs write it, but of all that is
// not read here no more than its beginning.
func carried(t testing.TB) (stick, queue []byte) {
	t.Helper()
	g := newGap(t)
	c := g.addCase(g.vault, plain)
	g.pullTo(0)
	g.pullFrom()
	g.reply(c, "hello")
	g.hire("bob")
	g.pullTo(0)
	g.pullFrom()
	g.with(g.alice, func() {
		_, err := g.alice.MarkRead(g.find(c))
		ok(t, err)
		_, err = g.alice.Rekey(t.Context(), func(int, int) {})
		ok(t, err)
	})
	g.pushTo()
	short := func(path string) []byte {
		data, err := os.ReadFile(path)
		ok(t, err)
		return stream(t, func(w *desk.Writer) {
			frames := desk.NewReader(bytes.NewReader(data))
			for {
				f, err := frames.Next()
				if err == io.EOF {
					return
				}
				ok(t, err)
				body, err := io.ReadAll(f.Body)
				ok(t, err)
				if f.Kind != desk.Leaf && f.Kind != desk.Statement {
					body = body[:32]
				}
				ok(t, w.Write(f.Kind, f.Index, body))
			}
		})
	}
	return short(g.stick), short(g.out)
}

// misplaced are frames behind a head, of which the last is out of place.
var misplaced = map[string][]desk.Frame{
	"a gap in the leaves":  {{Kind: desk.Leaf, Index: 7}, {Kind: desk.Leaf, Index: 9}},
	"a leaf twice":         {{Kind: desk.Leaf, Index: 7}, {Kind: desk.Leaf, Index: 7}},
	"an object twice":      {{Kind: desk.Leaf, Index: 7}, {Kind: desk.Record, Index: 7}, {Kind: desk.Record, Index: 7}},
	"kinds out of order":   {{Kind: desk.Leaf, Index: 7}, {Kind: desk.Envelope, Index: 7}, {Kind: desk.Record, Index: 7}},
	"objects out of order": {{Kind: desk.Leaf, Index: 7}, {Kind: desk.Record, Index: 7}, {Kind: desk.Record, Index: 3}},
	"a leaf after objects": {{Kind: desk.Leaf, Index: 7}, {Kind: desk.Record, Index: 7}, {Kind: desk.Leaf, Index: 8}},
	"too many objects":     {{Kind: desk.Leaf, Index: 7}, {Kind: desk.Record, Index: 1}, {Kind: desk.Record, Index: 2}, {Kind: desk.Record, Index: 3}},
	"an object of nothing": {{Kind: desk.Record, Index: 7}},
	"no object":            {{Kind: desk.Absent, Index: 7}},
	"another head":         {{Kind: desk.Checkpoint}},
}

func sticky(t testing.TB, frames []desk.Frame) []byte {
	t.Helper()
	return stream(t, func(w *desk.Writer) {
		ok(t, w.Write(desk.Roster, 0, nil))
		ok(t, w.Write(desk.Checkpoint, 0, nil))
		for _, f := range frames {
			ok(t, w.Write(f.Kind, f.Index, nil))
		}
	})
}

func TestMisplacedFramesAreRefused(t *testing.T) {
	for what, frames := range misplaced {
		if _, err := scanDeskFile(bytes.NewReader(sticky(t, frames[:len(frames)-1]))); err != nil {
			t.Errorf("before %s: %v", what, err)
		}
		if _, err := scanDeskFile(bytes.NewReader(sticky(t, frames))); !errors.Is(err, desk.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, data := range map[string][]byte{
		"no head":             stream(t, func(*desk.Writer) {}),
		"half a head":         stream(t, func(w *desk.Writer) { ok(t, w.Write(desk.Roster, 0, nil)) }),
		"a head with indices": stream(t, func(w *desk.Writer) { ok(t, w.Write(desk.Roster, 1, nil)) }),
		"a head upside down":  stream(t, func(w *desk.Writer) { ok(t, w.Write(desk.Checkpoint, 0, nil)) }),
	} {
		if _, err := scanDeskFile(bytes.NewReader(data)); !errors.Is(err, desk.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What is taken as a stick is written back as the same bytes: its index misses
// nothing and has nothing twice.
func FuzzDeskFile(f *testing.F) {
	stick, queue := carried(f)
	f.Add(stick)
	f.Add(queue)
	f.Add(stick[:len(stick)/2])
	f.Add(stream(f, func(w *desk.Writer) {
		ok(f, w.Write(desk.Roster, 0, nil))
		ok(f, w.Write(desk.Checkpoint, 0, nil))
		ok(f, w.Write(desk.Leaf, 7, []byte("leaf")))
		ok(f, w.Write(desk.Envelope, 3, []byte("sealed again")))
		ok(f, w.Write(desk.Message, 7, nil))
	}))
	for _, frames := range misplaced {
		f.Add(sticky(f, frames))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := scanDeskFile(bytes.NewReader(data))
		if err != nil {
			return
		}
		again := stream(t, func(w *desk.Writer) {
			head, err := d.Head(t.Context())
			ok(t, err)
			ok(t, w.Write(desk.Roster, 0, head.Roster))
			ok(t, w.Write(desk.Checkpoint, 0, head.Checkpoint))
			if len(d.leaves) == 0 {
				return
			}
			ok(t, d.Leaves(t.Context(), d.first, d.first+int64(len(d.leaves)), func(i int64, leaf []byte) error {
				return w.Write(desk.Leaf, i, leaf)
			}))
			var indices []int64
			for i, o := range d.objects {
				if i == 0 || d.objects[i-1].index != o.index {
					indices = append(indices, o.index)
				}
			}
			ok(t, d.Objects(t.Context(), indices, func(f *desk.Frame) error {
				return w.Stream(f.Kind, f.Index, f.Size, f.Body)
			}))
		})
		if !bytes.Equal(again, data) {
			t.Errorf("%d bytes were written back as %d other bytes", len(data), len(again))
		}
	})
}

// What is taken as a queue is written back as the same bytes.
func FuzzCarriedQueue(f *testing.F) {
	stick, queue := carried(f)
	f.Add(queue)
	f.Add(stick)
	f.Add(queue[:len(queue)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := scanQueue(bytes.NewReader(data))
		if err != nil || len(list) == 0 {
			return
		}
		again := stream(t, func(w *desk.Writer) {
			for _, q := range list {
				ok(t, w.Write(desk.Statement, 0, q.text))
				if kind, has := bodyKind(q.Leaf); has {
					ok(t, w.Stream(kind, 0, q.size, io.NewSectionReader(bytes.NewReader(data), q.at, q.size)))
				}
			}
		})
		if !bytes.Equal(again, data) {
			t.Errorf("%d bytes were written back as %d other bytes", len(data), len(again))
		}
	})
}

// A file that became shorter after it was scanned is cut short, and no lie.
func TestAFileThatShrinks(t *testing.T) {
	stick, _ := carried(t)
	d, err := scanDeskFile(bytes.NewReader(stick))
	ok(t, err)
	d.from = bytes.NewReader(stick[:len(stick)-50])
	last := d.objects[len(d.objects)-1]
	err = d.Objects(t.Context(), []int64{last.index}, func(f *desk.Frame) error {
		_, err := io.Copy(io.Discard, f.Body)
		return err
	})
	if err != desk.ErrTruncated {
		t.Errorf("the rest was read as %v", err)
	}
}
