package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	maxKeyFile = 64 << 10 // bytes of a key file, protected or not
	// workFactor is the base-2 logarithm of scrypt's cost: 256 MiB and about a
	// second, the default of the age program. A file made elsewhere may ask
	// for up to maxWorkFactor, 1 GiB and four seconds; more is refused rather
	// than tried.
	workFactor    = 18
	maxWorkFactor = 20
)

// ProtectKey seals a key file with a passphrase, as `age -p -a` does, and the
// age program opens it. The passphrase must not be empty.
func ProtectKey(plain []byte, passphrase string) ([]byte, error) {
	if len(plain) > maxKeyFile/2 {
		return nil, fmt.Errorf("protecting a key file: %w: it has %d bytes", ErrTooLarge, len(plain))
	}
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("protecting a key file: %w", err)
	}
	to.SetWorkFactor(workFactor)
	var sealed bytes.Buffer
	text := armor.NewWriter(&sealed)
	w, err := age.Encrypt(text, to)
	if err != nil {
		return nil, fmt.Errorf("protecting a key file: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("protecting a key file: %w", err)
	}
	if err := errors.Join(w.Close(), text.Close()); err != nil {
		return nil, fmt.Errorf("protecting a key file: %w", err)
	}
	return sealed.Bytes(), nil
}

// IsProtected reports whether a key file looks like one that needs a
// passphrase: an armored or binary age file.
func IsProtected(file []byte) bool {
	return isArmored(file) || bytes.HasPrefix(file, []byte("age-encryption.org/"))
}

func isArmored(file []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(file), []byte(armor.Header))
}

// UnprotectKey opens what ProtectKey or `age -p` made. It fails with
// ErrPassphrase or, for a file that is not one of these or was altered,
// ErrDamaged. The caller wipes the result when it is done with it.
func UnprotectKey(file []byte, passphrase string) ([]byte, error) {
	if len(file) > maxKeyFile {
		return nil, fmt.Errorf("opening a key file: %w: it has %d bytes", ErrTooLarge, len(file))
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("opening a key file: %w: it is empty", ErrPassphrase)
	}
	id.SetMaxWorkFactor(maxWorkFactor)
	var src io.Reader = bytes.NewReader(file)
	if isArmored(file) {
		src = armor.NewReader(src)
	}
	r, err := age.Decrypt(src, id)
	if errors.Is(err, age.ErrIncorrectIdentity) && isScrypt(err) {
		return nil, fmt.Errorf("opening a key file: %w", ErrPassphrase)
	} else if err != nil {
		return nil, fmt.Errorf("opening a key file: %w: not a key file with a passphrase, or one made to cost too much work", ErrDamaged)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		clear(plain)
		return nil, fmt.Errorf("opening a key file: %w: cut short or altered", ErrDamaged)
	}
	return plain, nil
}

// isScrypt tells a wrong passphrase from a file that has none.
func isScrypt(err error) bool {
	e, ok := errors.AsType[*age.NoIdentityMatchError](err)
	return ok && len(e.StanzaTypes) == 1 && e.StanzaTypes[0] == "scrypt"
}
