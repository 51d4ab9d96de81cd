// Package padme says to which length a plaintext is padded before it is
// sealed.
//
// An age file shows the length of its plaintext to the byte. Padding to
// Padmé's steps leaves an observer about log2(log2(length)) bits of it, at a
// cost that above Floor never exceeds a sixteenth of the length. Floor hides
// short texts among each other: a report of one sentence and one of several
// pages have the same size.
//
// Callers pad with zero bytes up to Size of what they have, before encryption
// and without compressing: padding after compression would let the content
// speak through the length.
//
// Padmé: K. Nikitin, L. Barman, W. Lueks, M. Underwood, J.-P. Hubaux, B. Ford,
// "Reducing Metadata Leakage from Encrypted Files and Communication with
// PURBs", PoPETs 2019 (4), section 4.
package padme

import (
	"math"
	"math/bits"
)

// Floor is the smallest padded length, in bytes of plaintext. It is a step
// itself and, like every step above it, a multiple of 1024.
const Floor = 16384

// Size returns the smallest step that holds n bytes: at least Floor, and above
// it less than n + n/16. A negative n counts as none. Above the last step that
// an int64 can hold (2^63 - 2^56), Size returns math.MaxInt64, which is no
// step.
func Size(n int64) int64 {
	if n <= Floor {
		return Floor
	}
	m := mask(n)
	if n > math.MaxInt64-m {
		return math.MaxInt64
	}
	return (n + m) &^ m
}

// OnStep reports whether n is a length that Size returns, which is what an
// observer without keys can check of every sealed message.
func OnStep(n int64) bool { return n >= Floor && n&mask(n) == 0 }

// mask returns the low bits that a step at the magnitude of n leaves zero:
// with E = floor(log2 n), the length is a floating-point number of E bits of
// exponent whose mantissa keeps S = floor(log2 E) + 1 bits.
func mask(n int64) int64 {
	e := bits.Len64(uint64(n)) - 1
	s := bits.Len(uint(e))
	return 1<<(e-s) - 1
}
