"""What shows of an age file without a key, and padding (formats.md, section 9)."""

import base64
import re
from collections import Counter
from dataclasses import dataclass

from texts import Refused, demand

HEADER = 2 << 20
CHUNK = 64 << 10
TAG = 16
HYBRID = "mlkem768x25519"
SAMPLE, SAMPLED = 65536, 69632  # bytes that are looked at: of the payload, and of the file
SHARE, BODY = 1494, 43          # characters of a hybrid stanza's other argument, and of its one line


@dataclass
class AgeFile:
    types: list     # of the stanzas, by their first argument
    exact: bool     # all of them are as age writes hybrid ones
    header: int     # bytes
    plaintext: int  # bytes


def raw_base64(text):
    demand(re.fullmatch(b"[A-Za-z0-9+/]*", text) and len(text) % 4 != 1, "not base64")
    data = base64.b64decode(text + b"=" * (-len(text) % 4))
    demand(base64.b64encode(data).rstrip(b"=") == text, "not the one form of this base64")
    return data


def parse(head, size):
    """Reads an age file of so many bytes by its beginning: all of it, or HEADER bytes."""
    position = 0

    def line():
        nonlocal position
        end = head.find(b"\n", position, HEADER)
        demand(end >= 0, "the header has no end")
        position, start = end + 1, position
        return head[start:end]

    demand(line() == b"age-encryption.org/v1", "not an age file")
    types, exact = [], True
    while not (first := line()).startswith(b"---"):
        demand(first.startswith(b"-> "), "neither a stanza nor the header's end")
        arguments = first[3:].split(b" ")
        demand(len(arguments) <= 129 and all(re.fullmatch(b"[!-~]+", a) for a in arguments), "not arguments")
        types.append(arguments[0].decode())
        exact = exact and types[-1] == HYBRID and len(arguments) == 2 and is_share(arguments[1])
        lines = 0
        while True:
            body = line()
            lines += 1
            exact = exact and lines == 1 and len(body) == BODY
            demand(len(body) <= 64, "a long line in a stanza")
            raw_base64(body)
            if len(body) < 64:
                break
    demand(1 <= len(types) <= 1024, "no stanza, or more than 1024")
    demand(first.startswith(b"--- ") and len(raw_base64(first[4:])) == 32, "not a header's end")
    return AgeFile(types, exact, position, plaintext_size(size - position))


def is_share(argument):
    try:
        raw_base64(argument)
    except Refused:
        return False
    return len(argument) == SHARE


def may_be_random(head, header):
    """Says whether what a file's beginning has of the payload is spread as a ciphertext is."""
    data = head[:SAMPLED][header:header + SAMPLE]
    squares = sum(n * n for n in Counter(data).values())
    return len(data) < 4096 or 256 * squares <= len(data) * (len(data) + 600)


def plaintext_size(payload):
    """Of a nonce of 16 bytes and the chunks after it."""
    chunks = payload - 16
    demand(chunks >= TAG, "the file is cut short")
    count = -(-chunks // (CHUNK + TAG))
    last = chunks - (CHUNK + TAG) * (count - 1)
    demand(last > TAG or last == TAG and count == 1, "the last chunk is too short")
    return chunks - TAG * count


def is_step(n):
    """Says whether a message may have this length."""
    return n >= 16384 and n & padding_mask(n) == 0


def padded(n):
    if n <= 16384:
        return 16384
    mask = padding_mask(n)
    return n + mask & ~mask


def padding_mask(n):
    exponent = n.bit_length() - 1
    return 2**(exponent - exponent.bit_length()) - 1
