"""Rosters (formats.md, section 7)."""

import re
from dataclasses import dataclass, field

import notes
from texts import (
    base32, canonical_base64, day, decimal, demand, lines_of, matching, origin, recipient, sha256, short, title,
)

MOST = 1 << 20

COUNTRIES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT
MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK
""".split()

desk = canonical_base64(32)


def one_of(*words):
    return matching("|".join(words))


def onion(text):
    data = base32(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")(text)
    p = 2**255 - 19
    demand(int.from_bytes(data, "little") % 2**255 % p not in (
        0, 1, p - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    ), "a key with which every secret gives zero")
    return data


def delivery(text):
    method, _, argument = text.partition(" ")
    if method == "mail":
        atom, label = r"[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+", "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
        demand(re.fullmatch(rf"{atom}(\.{atom})*@{label}(\.{label})*", argument), "not an address")
        demand(len(argument) <= 254 and argument.index("@") <= 64, "too long an address")
    elif method == "command":
        short(argument)
    else:
        demand(text == "outbox", "an unknown delivery")
    return text


def acknowledgement_key(text):
    if text.startswith("ssh-ed25519 "):
        data = canonical_base64(51)(text.removeprefix("ssh-ed25519 "))
        demand(data.startswith(b"\0\0\0\x0bssh-ed25519\0\0\0\x20"), "not an ssh-ed25519 key")
    else:
        demand(canonical_base64(42)(text).startswith(b"Ed"), "not a minisign key")
    return text


def url(text):
    host = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
    match = re.fullmatch(rf"(https?)://({host})(?::[1-9][0-9]{{0,4}})?(?:/[A-Za-z0-9._~-]+)*", text)
    demand(match and len(text) <= 200, "not a URL")
    scheme, host = match.groups()
    demand(scheme == "https" or host.endswith(".onion") or host == "127.0.0.1", "http to the world")
    return text


def cosigner_key(text):
    key = notes.verifier_key(text, notes.COSIGNATURE)
    origin(key.name)
    return key


def between(lowest, highest):
    def read(text):
        number = decimal(63)(text)
        demand(lowest <= number <= highest, f"{text} is not from {lowest} to {highest}")
        return number
    return read


# The lines of each block, after its first; ` ?` may be missing.
BLOCKS = {
    "intake": {"ledger": notes.verifier_key, "desk": desk},
    "worker": {"recipient": recipient, "desk": desk, "onion ?": onion},
    "destination": {
        "title": title,
        "recipient": recipient,
        "delivery": delivery,
        "kind ?": one_of("police", "foreign-affairs", "child-protection", "hotline", "justice", "other"),
        "country ?": one_of(*COUNTRIES),
        "language ?": one_of("fr", "nl", "de", "en"),
        "acknowledges-with ?": acknowledgement_key,
    },
    "auditor": {"desk": desk, "onion ?": onion},
    "cosigner": {"key": cosigner_key, "url": url},
    "policy": {
        "deadline-hours": between(1, 8760),
        "retention-days": between(1, 36500),
        "max-report": between(65536, 2**40),
        "max-file": between(1, 10484711424),
        "max-files": between(1, 999),
        "attachments": one_of("yes", "no"),
        "withdraw ?": one_of("yes"),
        "purge-signers ?": between(1, 10),
        "quorum ?": between(1, 10),
    },
}


@dataclass
class Roster:
    note: bytes
    number: int
    instance: str
    ledger: notes.VerifierKey
    workers: dict = field(default_factory=dict)         # by name: the lines of the block
    destinations: dict = field(default_factory=dict)
    auditors: dict = field(default_factory=dict)
    cosigners: dict = field(default_factory=dict)
    policy: dict = field(default_factory=dict)

    def recipients(self):
        return {worker["recipient"] for worker in self.workers.values()}

    def quorum(self):
        """How many must have cosigned; 0 if the roster has no quorum."""
        return self.policy.get("quorum", 0)

    def follows(self, other):
        return self.note == other.note or self.instance == other.instance and self.number > other.number


class Reader:
    def __init__(self, lines):
        self.lines, self.position = lines, 0

    def peek(self):
        return self.lines[self.position] if self.position < len(self.lines) else ""

    def line(self, key, read):
        found, _, value = self.peek().partition(" ")
        demand(found == key, f"no line {key!r} where it must be, but {self.peek()[:40]!r}")
        self.position += 1
        return read(value)

    def block(self, kind):
        values = {}
        for key, read in BLOCKS[kind].items():
            key, _, optional = key.partition(" ")
            if not optional or self.peek().startswith(key + " "):
                values[key] = self.line(key, read)
        return values

    def begins(self, first):
        """Says whether an empty line and a line with this beginning come next; reads the empty one."""
        following = self.lines[self.position:self.position + 2]
        if len(following) < 2 or following[0] != "" or following[1].split(" ")[0] != first:
            return False
        self.position += 1
        return True

    def named_blocks(self, kind, least, most):
        blocks = {}
        while self.begins(kind):
            name = self.line(kind, short)
            demand(name not in blocks, f"two of the name {name}")
            blocks[name] = self.block(kind)
        demand(least <= len(blocks) <= most, f"not {least} to {most} of {kind}")
        return blocks

    def only_block(self, kind):
        demand(self.begins(kind) and self.peek() == kind, f"no block {kind}")
        self.position += 1
        return self.block(kind)


def open_roster(data, organisation):
    """Reads a signed roster that the organisation's key opens."""
    demand(len(data) <= MOST, "too long for a roster")
    text, signatures = notes.open_note(data, organisation)
    demand(len(signatures) == 1, "more than one signature")
    canonical_base64(68)(signatures[0].base64)

    reader = Reader(lines_of(text, MOST))
    demand(reader.peek() == "tocsin.roster.v1", "not a roster")
    reader.position = 1
    number = reader.line("number", between(1, 2**62 - 1))
    reader.line("day", day)
    reader.line("organisation", title)
    ledger = reader.line("origin", origin)
    intake = reader.only_block("intake")
    demand(intake["ledger"].name == ledger, "the ledger's key is not named as the origin")
    instance = sha256(f"tocsin.instance.v1\n{organisation.text}\n{ledger}\n".encode()).hex()

    roster = Roster(data, number, instance, intake["ledger"])
    roster.workers = reader.named_blocks("worker", 1, 100)
    roster.destinations = reader.named_blocks("destination", 0, 100)
    roster.auditors = reader.named_blocks("auditor", 0, 20)
    roster.cosigners = reader.named_blocks("cosigner", 0, 10)
    roster.policy = reader.only_block("policy")
    demand(reader.position == len(reader.lines), "more lines than a roster has")
    demand(roster.quorum() <= len(roster.cosigners), "a quorum of more cosigners than there are")

    workers, auditors = list(roster.workers.values()), list(roster.auditors.values())
    cosigners = [cosigner["key"] for cosigner in roster.cosigners.values()]
    all_different([block["recipient"] for block in workers + list(roster.destinations.values())])
    all_different([block["desk"] for block in [intake] + workers + auditors])
    all_different([block["onion"] for block in workers + auditors if "onion" in block])
    all_different([key.name for key in cosigners])
    all_different([key.key for key in cosigners])
    return roster


def all_different(values):
    demand(len(set(values)) == len(values), "two that must not be alike")
