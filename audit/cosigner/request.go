package cosigner

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxProof = 63 // hashes, C2SP tlog-witness
	// maxRequest bounds a request's body in bytes: a signed checkpoint of 64 KiB
	// as package ledger takes it, the proof in base64, and the old size.
	maxRequest = 64<<10 + 45*maxProof + 32
)

// A request is the body of add-checkpoint.
type request struct {
	old        int64
	proof      tlog.TreeProof
	checkpoint []byte // signed, not verified yet
}

// parseRequest reads a body in its one form, and believes none of it.
func parseRequest(body []byte) (*request, error) {
	if len(body) > maxRequest {
		return nil, fmt.Errorf("the request is larger than %d bytes", maxRequest)
	}
	head, checkpoint, ok := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	size, isOld := strings.CutPrefix(lines[0], "old ")
	if !ok || !isOld {
		return nil, errors.New(`the request is not a line "old SIZE", a proof, an empty line and a checkpoint`)
	}
	// 63 bits with the sign, as for a checkpoint: package tlog never ends on more.
	old, err := strconv.ParseInt(size, 10, 63)
	if err != nil || old < 0 {
		return nil, fmt.Errorf("the old size %.32q is not a size", size)
	}
	if len(lines)-1 > maxProof {
		return nil, fmt.Errorf("the proof has more than %d hashes", maxProof)
	}
	r := &request{old: old, checkpoint: []byte(checkpoint)}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return nil, fmt.Errorf("the proof's line %.64q is not a hash", line)
		}
		r.proof = append(r.proof, h)
	}
	// The decoders pass over line ends, signs and zeros; writing it again doesn't.
	if string(r.marshal()) != string(body) {
		return nil, errors.New("the request is not in its canonical form")
	}
	return r, nil
}

func (r *request) marshal() []byte {
	b := fmt.Appendf(nil, "old %d\n", r.old)
	for _, h := range r.proof {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), r.checkpoint...)
}
