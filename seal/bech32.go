package seal

import "bytes"

// secretKeyText writes a hybrid identity's 32-byte seed as the age program
// does: AGE-SECRET-KEY-PQ-1… .
func secretKeyText(seed []byte) string {
	text := bech32("age-secret-key-pq-", seed)
	upper := bytes.ToUpper(text)
	defer clear(text)
	defer clear(upper)
	return string(upper)
}

// bech32 writes bytes after a lower-case prefix in Bech32 (BIP 173, but for
// its limit on length, which age does without).
func bech32(prefix string, data []byte) []byte {
	const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	// The checksum covers the prefix's high bits, a zero, its low bits, the
	// data in groups of five bits, and six zeros where it will stand.
	check := uint32(1)
	take := func(v byte) { check = bech32Step(check, v) }
	for _, c := range []byte(prefix) {
		take(c >> 5)
	}
	take(0)
	for _, c := range []byte(prefix) {
		take(c & 31)
	}

	text := make([]byte, 0, len(prefix)+1+(len(data)*8+4)/5+6)
	text = append(text, prefix...)
	text = append(text, '1')
	acc, n := uint32(0), 0
	put := func(v byte) {
		take(v)
		text = append(text, alphabet[v])
	}
	for _, b := range data {
		acc, n = acc<<8|uint32(b), n+8
		for ; n >= 5; n -= 5 {
			put(byte(acc>>(n-5)) & 31)
		}
	}
	if n > 0 {
		put(byte(acc<<(5-n)) & 31)
	}
	for range 6 {
		take(0)
	}
	check ^= 1
	for i := range 6 {
		text = append(text, alphabet[check>>(5*(5-i))&31])
	}
	return text
}

// bech32Step takes one group of five bits into the checksum, a remainder
// modulo a polynomial over GF(32).
func bech32Step(check uint32, v byte) uint32 {
	top := check >> 25
	check = check&0x1ffffff<<5 ^ uint32(v)
	for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
		if top>>i&1 == 1 {
			check ^= g
		}
	}
	return check
}
