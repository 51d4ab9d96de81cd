#!/usr/bin/env python3
"""Holds the verifier to the test vectors of docs/formats.md: python3 vectors.py FILE

Those of section 13, of what is sealed, are not the verifier's.
"""

import re
import sys

sys.dont_write_bytecode = True

import agefile  # noqa: E402
import ed25519  # noqa: E402
import merkle  # noqa: E402
import notes  # noqa: E402
import pages  # noqa: E402
import roster  # noqa: E402
import texts  # noqa: E402


def read(path):
    """The vectors of a page by name, as bytes, with repetitions written out."""
    with open(path, encoding="utf-8") as file:
        found = re.findall(r"^```vector ([a-z0-9-]+)\n(.*?\n)```$", file.read(), re.MULTILINE | re.DOTALL)
    return {name: re.sub(r"<(.)\*(\d+)>", lambda match: match[1] * int(match[2]), text).encode()
            for name, text in found}


def pairs(vector):
    return [line.rsplit(" ", 1) for line in vector.decode().splitlines()]


def check(vectors):
    keys = {name: value for name, value in pairs(vectors["keys"])}
    signed = roster.open_roster(vectors["roster"], notes.verifier_key(keys["organisation"]))
    assert signed.instance == keys["instance"]
    assert signed.ledger.text == keys["ledger"]
    assert signed.cosigners["university"]["key"].text == keys["cosigner"]
    assert texts.sha256(signed.note).hex() == keys["roster-sha256"]
    assert ed25519.encode(ed25519.decode(signed.workers["ana"]["desk"])) == signed.workers["ana"]["desk"]

    record = texts.case_record(vectors["case"])
    leaves = [texts.leaf(vectors[f"leaf-{i}"], i) for i in range(5)]
    assert leaves[0].digest == texts.sha256(vectors["roster"])
    assert (leaves[1].case, leaves[1].digest) == (record.case, texts.sha256(vectors["case"]))
    for leaf in leaves[3:]:
        statement = leaf.statement(signed.instance)
        assert statement == vectors[f"statement-{leaf.index}"]
        assert ed25519.verify(signed.workers[leaf.by]["desk"], statement, leaf.signature)
        assert not ed25519.verify(signed.workers[leaf.by]["desk"], statement + b"\n", leaf.signature)

    tree = merkle.Tree()
    hashes = [known for i in range(5) for known in tree.add(vectors[f"leaf-{i}"])]
    for name, value in pairs(vectors["tree"]):
        kind, *numbers = name.split()
        if kind == "root":
            assert tree.root(int(numbers[0])).hex() == value, name
        else:
            index, level, n = map(int, numbers)
            assert hashes[index].hex() == tree.levels[level][n].hex() == value, name

    checkpoint = notes.open_checkpoint(vectors["checkpoint"], signed.ledger)
    assert (checkpoint.size, checkpoint.root) == (5, tree.root(5))
    text, signatures = notes.parse(vectors["checkpoint"])
    assert notes.cosigned_by(signed.cosigners["university"]["key"], text, signatures)
    assert not notes.cosigned_by(signed.cosigners["university"]["key"], text + b"\n", signatures)

    for length, padded in pairs(vectors["padme"]):
        assert agefile.padded(int(length)) == int(padded) and agefile.is_step(int(padded)), length
    for payload, plaintext in pairs(vectors["age-sizes"]):
        try:
            size = agefile.plaintext_size(int(payload))
        except texts.Refused:
            size = -1
        assert size == int(plaintext), payload
    header = vectors["age-header"]
    assert agefile.parse(header, len(header) + 110).types == ["mlkem768x25519"] * 2
    assert agefile.parse(header, len(header) + 110).exact

    meta = bytes.fromhex(vectors["meta"].decode())
    assert pages.META.unpack(meta)[-1] == pages.fnv1a(meta[:56])


if __name__ == "__main__":
    check(read(sys.argv[1]))
