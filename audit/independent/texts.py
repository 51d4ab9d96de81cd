"""Notation, leaves and case records (formats.md, sections 1, 4 and 5).

A reader takes the bytes and gives what is in them, or raises Refused: what it takes, it
would have written in no other way.
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from dataclasses import dataclass


class Refused(ValueError):
    """What was read is not in its form."""


def demand(condition, what):
    if not condition:
        raise Refused(what)


def decimal(bits):
    def read(text):
        demand(re.fullmatch("0|[1-9][0-9]{0,19}", text), f"not a decimal number: {text!r}")
        demand(int(text) < 2**bits, f"{text} is too big")
        return int(text)
    return read


def digest(text):
    demand(re.fullmatch("[0-9a-f]{64}", text), "not a SHA-256 in hexadecimal")
    return bytes.fromhex(text)


def canonical_base64(size):
    def read(text):
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Refused("not base64") from None
        demand(base64.b64encode(data).decode() == text, "not the one form of this base64")
        demand(size is None or len(data) == size, f"not base64 of {size} bytes")
        return data
    return read


def base32(size, alphabet):
    """RFC 4648, section 6, without padding, in one case, unused bits zero."""
    characters = (size * 8 + 4) // 5

    def read(text):
        demand(len(text) == characters, f"not {characters} characters of base32")
        number = 0
        for character in text:
            value = alphabet.find(character)
            demand(value >= 0, "not base32")
            number = number << 5 | value
        unused = characters * 5 - size * 8
        demand(number % 2**unused == 0, "base32 with unused bits")
        return (number >> unused).to_bytes(size, "big")
    return read


case_id = base32(16, "abcdefghijklmnopqrstuvwxyz234567")


def case_text(case):
    return base64.b32encode(case).decode().rstrip("=").lower()


def day(text):
    demand(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text), f"not a day: {text!r}")
    year, month, number = int(text[:4]), int(text[5:7]), int(text[8:])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    demand(1 <= month <= 12, f"no such month: {text}")
    last = 30 + (month in (1, 3, 5, 7, 8, 10, 12)) if month != 2 else 28 + leap
    demand(1 <= number <= last, f"no such day: {text}")
    return text


def day_number(text):
    """Days since 0000-03-01, so that days can be counted; datetime has no year 0."""
    year, month, number = int(text[:4]), int(text[5:7]), int(text[8:])
    year, month = (year - 1, month + 9) if month < 3 else (year, month - 3)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + number - 1


def matching(pattern):
    def read(text):
        demand(re.fullmatch(pattern, text), f"not of the form {pattern}: {text!r}")
        return text
    return read


name = matching("[a-z0-9][a-z0-9.-]{0,63}")
short = matching("[a-z0-9][a-z0-9-]{0,31}")
origin = matching("[!-*,-~]{1,200}")
recipient = matching("age1pq1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{1952}")


def title(text):
    """Python's Unicode may be older or newer than 15.0: it then knows other characters."""
    demand(1 <= len(text.encode()) <= 200, "not 1 to 200 bytes")
    demand(text == text.strip(" "), "space at an end")
    for character in text:
        demand(character == " " or unicodedata.category(character)[0] in "LMNPS",
               f"no character for a title: {character!r}")
    return text


def lines_of(data, most):
    """The lines of a text, each without its LF."""
    demand(len(data) <= most, f"more than {most} bytes")
    demand(b"\r" not in data, "a CR")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Refused("not UTF-8") from None
    demand(text.endswith("\n"), "the last line has no LF")
    return text.split("\n")[:-1]


def after(prefix, line):
    demand(line.startswith(prefix), f"not {prefix!r}: {line[:40]!r}")
    return line[len(prefix):]


# What follows the day of a leaf; of a message, by its kind.
LEAVES = {
    "roster": "number digest",
    "case": "case digest envelope",
    "message report": "case kind size digest",
    "message addition": "case kind size digest once",
    "message reply": "case kind size digest done by signature",
    "message note": "case kind size digest done by signature",
    "rekey": "case number envelope done by signature",
    "handed-over": "case destination size digest done by signature",
    "acknowledged": "case destination size digest done by signature",
    "held": "case rule after done by signature",
    "released": "case after done by signature",
    "purge-proposed": "case rule after done by signature",
    "purged": "case rule after done by signature",
    "read": "case done by signature",
    "withdrawn": "case secret",
}

FIELDS = {
    "case": case_id,
    "number": decimal(63),
    "kind": str,
    "size": decimal(62),
    "digest": digest,
    "envelope": digest,
    "destination": name,
    "rule": name,
    "once": digest,
    "secret": digest,
    "after": decimal(62),
    "done": day,
    "by": name,
    "signature": canonical_base64(64),
}


@dataclass
class Leaf:
    index: int
    form: str       # the event, and of a message its kind: a key of LEAVES
    event: str
    day: str
    fields: dict
    lines: list

    def __getattr__(self, field):
        """A field of the leaf, or None if this form has none of that name."""
        return self.fields.get(field)

    def saw(self, index):
        """Says whether who signed it knew of the leaf with this index, and of none still to come."""
        return index <= self.after < self.index

    def statement(self, instance):
        """What the case worker signed, of a leaf that has a signature."""
        head = [f"tocsin.event.v1 {self.event}", f"instance {instance}"]
        return "".join(line + "\n" for line in head + self.lines[2:-1]).encode()


def leaf(data, index):
    lines = lines_of(data, 2048)
    demand(len(lines) >= 4, "too few lines")
    event = after("tocsin.leaf.v1 ", lines[0])
    entered = day(after("day ", lines[1]))
    form = event
    if event == "message":
        form += " " + after("kind ", lines[3])
    demand(form in LEAVES, f"unknown event {form!r}")
    fields = LEAVES[form].split()
    demand(len(lines) == 2 + len(fields), "not the fields of this event")
    values = {field: FIELDS[field](after(field + " ", line)) for field, line in zip(fields, lines[2:])}
    return Leaf(index, form, event, entered, values, lines)


@dataclass
class Case:
    case: bytes
    tag: bytes
    withdrawal: bytes


def case_record(data):
    lines = lines_of(data, 8192)
    demand(len(lines) == 7 and lines[0] == "tocsin.case.v1", "not the lines of a case record")
    identity = case_id(after("case ", lines[1]))
    demand(lines[2] == "codename 1", "an unknown version of the codename")
    tag = digest(after("tag ", lines[3]))
    recipient(after("recipient ", lines[4]))
    recipient(after("witness ", lines[5]))
    return Case(identity, tag, digest(after("withdrawal ", lines[6])))


def sha256(data):
    return hashlib.sha256(data).digest()
