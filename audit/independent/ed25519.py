"""Ed25519 (RFC 8032, section 5.1): verification, in the variant of formats.md, section 1.

Nothing here is secret, so nothing takes constant time.
"""

import functools
import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)

# A point is (X, Y, Z, T) with x = X/Z, y = Y/Z and T = XY/Z.
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    """The sum of two points (RFC 8032, section 5.1.4); they may be the same."""
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def encode(p):
    z = pow(p[2], -1, P)
    return (p[1] * z % P | (p[0] * z % P & 1) << 255).to_bytes(32, "little")


def decode(data):
    """The point of 32 bytes, or None. y >= p is reduced; x = 0 may have the sign bit set."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number % 2**255 % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * SQRT_MINUS_1 % P
    if x * x % P != square:
        return None
    if x & 1 != sign:
        x = -x % P
    return x, y, 1, x * y % P


def table(point):
    """j * 16^i * point for i from 0 to 63 and j from 0 to 15: then a product is 64 additions."""
    rows = []
    for _ in range(64):
        row = [NEUTRAL]
        for _ in range(15):
            row.append(add(row[-1], point))
        rows.append(row)
        point = add(row[-1], point)
    return rows


def times(rows, scalar, start=NEUTRAL):
    """start + scalar * point, by the point's table; the scalar is below 2^256."""
    for row in rows:
        if scalar & 15:
            start = add(start, row[scalar & 15])
        scalar >>= 4
    return start


BASE = table(decode((4 * pow(5, -1, P) % P).to_bytes(32, "little")))


@functools.lru_cache(maxsize=1024)
def table_of_minus(key):
    """The table of -A, or None if the key does not decode. Few keys sign many statements."""
    point = decode(key)
    return point and table((-point[0] % P, point[1], point[2], -point[3] % P))


def verify(key, message, signature):
    """Says whether a signature of 64 bytes is that of the message under a key of 32 bytes."""
    if len(key) != 32 or len(signature) != 64:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    minus_a = table_of_minus(key)
    if s >= L or minus_a is None:
        return False
    k = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    return encode(times(minus_a, k, times(BASE, s))) == r
