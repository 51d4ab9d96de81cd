package intake

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/ledger"
	"tocsin/seal"
	"tocsin/vault"
)

// A report that is refused behind its files is given up there: no manifest and
// no padding, up to a sixteenth of what came, is still written for it.
func TestARefusedReportCostsNothingMore(t *testing.T) {
	w := newWorld(t, setup{})
	// The step above this size is half a MiB away.
	const size = 16<<20 + 100<<10
	file := fileHead("a") + strings.Repeat("x", size) + "\r\n"
	before := field("codename", w.newCodename("en")) + field("what.seen", "x") + file
	after := strings.TrimSuffix(field("what.heard", "too late"), "\r\n") + last
	c := w.dial()
	c.send(head("/en/report", len(before)+len(after)))
	// More than all buffers between here and the vault: when it is sent, the
	// blob is there. An open file stays when its name is removed.
	c.send(before)
	blobs, err := filepath.Glob(filepath.Join(w.dir, vault.BlobsDir, "*"))
	must(t, err)
	if len(blobs) != 1 {
		t.Fatalf("%d blobs in the middle of an upload", len(blobs))
	}
	blob, err := os.Open(blobs[0])
	must(t, err)
	defer blob.Close()
	c.send(after)
	c.answer().want(t, w.server, "en", "wrong-order")
	wantNoBlobs(t, w)
	st, err := blob.Stat()
	must(t, err)
	// A header for each MiB, age's 16 bytes for each 64 KiB, and its header.
	if most := int64(size + 17*512 + 300*16 + 4096); st.Size() > most {
		t.Errorf("%d bytes were written for a refused file of %d", st.Size(), size)
	}
}

// What a message can't hold is the report's size and no failure of ours, even
// where the roster allows it.
func TestMoreThanAMessageHoldsIsTooLarge(t *testing.T) {
	w := newWorld(t, setup{})
	key, err := seal.NewCaseKey()
	must(t, err)
	record := vault.Case{ID: ledger.NewCaseID()}
	message, err := seal.NewMessage(io.Discard, reportContext(w.vault.Roster().Instance(), &record), nil, key.Recipient())
	must(t, err)
	for range seal.MaxFiles {
		_, err := message.Attach("", "", strings.NewReader(""))
		must(t, err)
	}
	x := &exchange{lang: w.server.languages.ByCode("en")}
	one := &formPart{Name: "files", File: "a", Reader: strings.NewReader("x")}
	_, err = attach(x, nil, one, message, w.roster.Policy, w.roster.Policy.MaxReport)
	ref := refusalOf(err, nil)
	if !errors.Is(err, seal.ErrTooLarge) || ref.kind != "report-too-large" || ref.status != http.StatusRequestEntityTooLarge || ref.arg == nil {
		t.Errorf("refused as %q with %v, status %d: %v", ref.kind, ref.arg, ref.status, err)
	}
}
