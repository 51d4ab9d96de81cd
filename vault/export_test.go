package vault

import (
	"bytes"
	"context"
	"time"

	bolt "go.etcd.io/bbolt"
)

// What tests of the committer need to see of it, and to do to it.

// Hold makes the committer stand still in the transaction that it next begins
// until release is called. It returns when it does.
func (v *Vault) Hold(ctx context.Context) (release func(), err error) {
	held, let := make(chan struct{}), make(chan struct{})
	j := &job{result: make(chan error, 1), apply: func(*writer) error {
		close(held)
		<-let
		return nil
	}}
	if err := v.hand(ctx, j); err != nil {
		return nil, err
	}
	<-held
	return func() { close(let) }, nil
}

// Waiting returns how many changes wait for the committer.
func (v *Vault) Waiting() int { return len(v.jobs) }

// Fail puts the committer where a commit puts it whose end is unknown.
func (v *Vault) Fail(ctx context.Context) error {
	return v.commit(ctx, func(*writer) error {
		v.failed = ErrFailed
		return nil
	})
}

// Transaction returns the number of the last transaction that wrote.
func (v *Vault) Transaction() (n int, err error) {
	err = v.db.View(func(tx *bolt.Tx) error {
		n = tx.ID()
		return nil
	})
	return n, err
}

var (
	GaveUp         = gaveUp
	ParsePublished = parsePublished
)

// Marshal returns what ParsePublished reads.
func (p *Published) Marshal() []byte { return p.marshal() }

// Raw returns what bbolt copies of the transaction, free pages and all.
func (i *Image) Raw() ([]byte, error) {
	var b bytes.Buffer
	_, err := i.tx.WriteTo(&b)
	return b.Bytes(), err
}

// SetClock makes a source judge by that time how long ago a file changed.
func (d *Dir) SetClock(now time.Time) { d.now = func() time.Time { return now } }
