"""Signed notes, verifier keys, checkpoints and cosignatures (formats.md, sections 6 and 8)."""

import base64
import binascii
import re
from dataclasses import dataclass

import ed25519
from texts import Refused, after, canonical_base64, day, decimal, demand, sha256

ED25519, COSIGNATURE = 1, 4
MOST = 65536        # bytes of a checkpoint
LAST_SECOND = 253402300799  # of the year 9999


@dataclass
class VerifierKey:
    text: str
    name: str
    id: bytes
    key: bytes


def key_name(text):
    demand(text and "+" not in text and not any(c.isspace() for c in text), "not a key's name")
    return text


def verifier_key(text, kind=ED25519):
    parts = text.split("+", 2)
    demand(len(parts) == 3, "not a verifier key")
    name = key_name(parts[0])
    demand(re.fullmatch("[0-9a-f]{8}", parts[1]), "no key ID in a verifier key")
    data = canonical_base64(33)(parts[2])
    demand(data[0] == kind, f"a verifier key of type {data[0]}")
    identity = bytes.fromhex(parts[1])
    demand(identity == sha256(name.encode() + b"\n" + data)[:4], "a wrong key ID")
    return VerifierKey(text, name, identity, data[1:])


@dataclass
class Signature:
    name: str
    id: bytes
    data: bytes
    base64: str


def lax_base64(text):
    """Padded to four characters, unused bits ignored, as the library for notes has it."""
    demand(re.fullmatch("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text), "not base64")
    try:
        return base64.b64decode(text)
    except binascii.Error:
        raise Refused("not base64") from None


def parse(data):
    """The text of a note, with its last LF, and its signatures."""
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise Refused("not UTF-8") from None
    demand(not any(c < 0x20 and c != 0x0A for c in data), "a control character")
    empty = note.rfind("\n\n")
    demand(empty >= 0 and note.endswith("\n"), "not a note")
    text, block = note[:empty + 1], note[empty + 2:]
    lines = block.split("\n")[:-1]
    demand(1 <= len(lines) <= 100, "no signature, or more than 100")
    signatures = []
    for line in lines:
        name, space, encoded = after("\u2014 ", line).partition(" ")
        value = lax_base64(encoded)
        demand(space and len(value) >= 5, "not a signature")
        signatures.append(Signature(key_name(name), value[:4], value[4:], encoded))
    return text.encode(), signatures


def first_line_of(key, signatures):
    """The first signature with the key's name and ID, or None."""
    return next((s for s in signatures if (s.name, s.id) == (key.name, key.id)), None)


def open_note(data, key):
    text, signatures = parse(data)
    signature = first_line_of(key, signatures)
    demand(signature, f"not signed by {key.name}")
    demand(ed25519.verify(key.key, text, signature.data), f"the signature of {key.name} is wrong")
    return text, signatures


@dataclass
class Checkpoint:
    origin: str
    size: int
    root: bytes


def checkpoint_text(text):
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError:
        raise Refused("not UTF-8") from None
    demand(len(lines) == 4 and lines[3] == "", "not the three lines of a checkpoint")
    return Checkpoint(key_name(lines[0]), decimal(62)(lines[1]), canonical_base64(32)(lines[2]))


def open_checkpoint(data, key):
    demand(len(data) <= MOST, f"more than {MOST} bytes")
    text, _ = open_note(data, key)
    checkpoint = checkpoint_text(text)
    demand(checkpoint.origin == key.name, "another origin than the key's")
    return checkpoint


@dataclass
class Published:
    day: str
    note: bytes
    text: bytes
    checkpoint: Checkpoint

    def opens_with(self, key):
        try:
            open_checkpoint(self.note, key)
            return True
        except Refused:
            return False


def published(data):
    """A value of `published` or `cosigned`; no signature is checked."""
    head, _, note = data.partition(b"\n")
    text, empty, _ = note.partition(b"\n\n")
    demand(empty, "no empty line")
    text += b"\n"
    return Published(day(head.decode("latin-1")), note, text, checkpoint_text(text))


def cosigned_time(cosigner, signatures):
    return int.from_bytes(first_line_of(cosigner, signatures).data[:8], "big")


def cosigned_by(cosigner, text, signatures):
    """None if the cosigner has no line, else whether its first line verifies."""
    signature = first_line_of(cosigner, signatures)
    if signature is None:
        return None
    time = cosigned_time(cosigner, signatures)
    message = b"cosignature/v1\ntime %d\n" % time + text
    return time <= LAST_SECOND and ed25519.verify(cosigner.key, message, signature.data[8:])


def signed_by_no_other(data, key, cosigners):
    """Says whether a checkpoint that opens with the key bears that line and those of cosigners alone."""
    text, signatures = parse(data)
    lines = [(signature.name, signature.id) for signature in signatures]
    known = {(k.name, k.id) for k in [key, *cosigners]}
    return (known.issuperset(lines) and len(set(lines)) == len(lines)
            and all(cosigned_by(cosigner, text, signatures) in (None, True) for cosigner in cosigners)
            and all(base64.b64encode(s.id + s.data).decode() == s.base64 for s in signatures))
