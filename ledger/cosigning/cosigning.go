// Package cosigning asks cosigners to sign a ledger's checkpoint, in the way of
// C2SP tlog-witness (https://c2sp.org/tlog-witness), which calls them
// witnesses.
//
// A cosigner is told the checkpoint (the ledger's origin, how many leaves it
// has, and their root) and hashes that prove that it grew. Nothing that it
// answers is believed: what it signed is verified, what it sends is bounded in
// size and time, and none of it is quoted.
package cosigning

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tocsin/ledger"
	"tocsin/seal/roster"
)

const (
	// patience bounds all that is asked of one cosigner, also through Tor.
	patience = 2 * time.Minute
	// maxAnswer bounds an answer in bytes: a cosignature takes some 200, and a
	// cosigner may send several, of keys that it is changing.
	maxAnswer = 16 << 10
	// maxTries is how often a cosigner is asked: with the size that we think it
	// knows, with the one that it says, and once more if that grew meanwhile.
	maxTries = 3
	// maxProof is the most lines of a consistency proof that C2SP tlog-witness
	// lets a client send.
	maxProof = 63
)

// ErrAhead means that a cosigner has seen more of the ledger than is published.
var ErrAhead = errors.New("an older state of the store was put back, or somebody else signs with its key")

// ErrRewritten means that a cosigner does not find what it saw in the ledger.
var ErrRewritten = errors.New("it says that the ledger did not grow from what it saw before: history was rewritten, or its own memory is wrong")

// A Client asks for one ledger.
type Client struct {
	Ledger string // its verifier key
	// Prove returns the proof that its first to leaves contain its first from.
	Prove func(ctx context.Context, from, to int64) (tlog.TreeProof, error)
	// SOCKS is host:port of a tor, through which cosigners are reached, each over
	// a circuit of its own; "" for none. Those on loopback are always reached
	// directly.
	SOCKS string
}

// Cosign asks a cosigner to sign a checkpoint and returns that with its
// cosignature on it and no other. old is how many leaves it is thought to have
// seen; it is asked again with what it says. It returns ErrAhead or
// ErrRewritten where they apply.
func (c *Client) Cosign(ctx context.Context, cosigner roster.Cosigner, signed []byte, old int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	bare, _, err := ledger.MergeCosigned(signed, signed, c.Ledger, nil)
	if err != nil {
		return nil, err
	}
	checkpoint, err := ledger.OpenCheckpoint(bare, c.Ledger)
	if err != nil {
		return nil, err
	}
	client, err := c.http(cosigner)
	if err != nil {
		return nil, err
	}
	for range maxTries {
		proof, err := c.Prove(ctx, old, checkpoint.Size)
		if err != nil {
			return nil, err
		}
		lines, known, err := addCheckpoint(ctx, client, cosigner.URL, old, proof, bare)
		if old == checkpoint.Size && (errors.Is(err, errUnsaid) || errors.Is(err, errConflict) && known == old) {
			// It knows that size: with C2SP tlog-witness the roots differ then.
			return nil, ErrRewritten
		}
		if errors.Is(err, errConflict) {
			if known > checkpoint.Size {
				return nil, fmt.Errorf("it has seen %d leaves and %d are published: %w", known, checkpoint.Size, ErrAhead)
			}
			old = known
			continue
		} else if err != nil {
			return nil, err
		}
		cosigned, by, err := ledger.MergeCosigned(bare, append(bytes.Clone(bare), lines...), c.Ledger, []roster.Cosigner{cosigner})
		if err != nil || len(by) == 0 {
			return nil, errors.New("what it sent is not its cosignature of this checkpoint: is its key in the roster the right one?")
		}
		return cosigned, nil
	}
	return nil, errors.New("it says each time that it has seen another size of the ledger")
}

// http returns a client that sends nothing but what it is told to: no cookies,
// and the name that every Go program gives itself. It follows no redirect,
// because the roster names the address.
func (c *Client) http(cosigner roster.Cosigner) (*http.Client, error) {
	u, err := url.Parse(cosigner.URL)
	if err != nil {
		return nil, errors.New("its address in the roster is malformed")
	}
	t := &http.Transport{DisableCompression: true, DisableKeepAlives: true, MaxResponseHeaderBytes: maxAnswer}
	ip, err := netip.ParseAddr(u.Hostname())
	switch loopback := err == nil && ip.IsLoopback(); {
	case loopback:
	case c.SOCKS != "":
		// tor keeps streams with different credentials on different circuits
		// (tor(1), IsolateSOCKSAuth), and believes any.
		t.Proxy = http.ProxyURL(&url.URL{Scheme: "socks5h", Host: c.SOCKS, User: url.UserPassword(cosigner.Name, "tocsin")})
	case strings.HasSuffix(u.Hostname(), ".onion"):
		return nil, errors.New("it is an onion service: a tor is needed to reach it")
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

var (
	errConflict = errors.New("it has seen another size of the ledger")
	errUnsaid   = errors.New("it has seen another size of the ledger, and does not say which")
)

// addCheckpoint makes one request. It returns the signature lines, or, with
// errConflict, the size that the cosigner says it has seen.
func addCheckpoint(ctx context.Context, client *http.Client, prefix string, old int64, proof tlog.TreeProof, bare []byte) (lines []byte, known int64, err error) {
	if len(proof) > maxProof {
		return nil, 0, fmt.Errorf("a proof of %d hashes is too long to be sent", len(proof))
	}
	body := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		body = fmt.Appendf(body, "%s\n", h)
	}
	body = append(append(body, '\n'), bare...)
	req, err := http.NewRequestWithContext(ctx, "POST", prefix+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return nil, 0, errors.New("its address in the roster is malformed")
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, unreachable(ctx, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, unreachable(ctx, err)
	}
	if len(answer) > maxAnswer {
		return nil, 0, fmt.Errorf("its answer is longer than %d bytes", maxAnswer)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		return answer, 0, nil
	case code == http.StatusConflict:
		if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && kind == "text/x.tlog.size" {
			text := strings.TrimSuffix(string(answer), "\n")
			if known, err = strconv.ParseInt(text, 10, 63); err == nil && known >= 0 && strconv.FormatInt(known, 10) == text {
				return nil, known, errConflict
			}
		}
		return nil, 0, errUnsaid
	case code == http.StatusUnprocessableEntity:
		return nil, 0, ErrRewritten
	case code == http.StatusNotFound:
		return nil, 0, errors.New("it does not know this ledger: its operator must add the origin and the ledger's key")
	case code == http.StatusForbidden:
		return nil, 0, errors.New("it does not take the ledger's signature: has its operator the right key?")
	case code == http.StatusBadRequest:
		return nil, 0, errors.New("it does not understand the request: does it speak C2SP tlog-witness at this address?")
	case code >= 300 && code < 400:
		return nil, 0, fmt.Errorf("it sends elsewhere (%d), which is not followed: the roster must name its address", code)
	case code == http.StatusTooManyRequests || code >= 500:
		return nil, 0, fmt.Errorf("it can't sign at the moment (%d)", code)
	default:
		return nil, 0, fmt.Errorf("its answer means nothing here (%d)", code)
	}
}

// unreachable says why there is no answer, without the address before it and
// with nothing in it that could speak to a terminal: some errors quote the
// other side.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("it did not answer in time")
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	const most = 200
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, err.Error())
	return fmt.Errorf("it can't be reached: %.*s", most, text)
}
