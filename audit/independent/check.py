"""The check of a store (formats.md, section 12), in its steps and their order."""

import os
import stat
from collections import defaultdict

import ledger
import merkle
import notes
import pages
import roster as rosters
import texts
from overdue import Overdue
from sealed import Sealed
from texts import Refused, sha256

BUCKETS = ("vault", "leaves", "hashes", "head", "rosters", "cases", "envelopes", "messages",
           "ids", "tags", "threads", "blobs", "signatures", "additions")
NOTICES = ("cosigned-old", "day-ahead", "deadline-overdue", "retention-overdue", "rekey-overdue")
LISTED = 100            # findings of one ID
MISSING_LEAVES = 65536


class CouldNotCheck(Exception):
    """There is no verdict."""


def index_of(key):
    """The index in a key of 8 bytes, or None."""
    index = int.from_bytes(key, "big")
    return index if len(key) == 8 and index < 2**63 else None


def key_of(index):
    return index.to_bytes(8, "big")


class Check(Sealed, Overdue):
    """One check of one store. Steps 7, 8 and 11 are in Sealed and Overdue."""

    def __init__(self, store, organisation, auditors_roster, last, today, live):
        self.store, self.organisation, self.auditors_roster = store, organisation, auditors_roster
        self.last, self.today, self.live = last, today, live
        self.history = "unchecked"
        self.findings, self.counts = [], defaultdict(int)

        self.leaves = []                    # texts.Leaf, or None for one that is missing or malformed
        self.tree, self.hashes = merkle.Tree(), []
        self.opened = {}                    # case: index of its first leaf `case`
        self.retiring = {}                  # index of a first leaf `case`: the last retiring leaf
        self.rekeys = {}                    # the same: the last `rekey`
        self.last_number = None             # in the last leaf `roster`
        self.verified = {}                  # index of leaf: roster, in order
        self.custody = defaultdict(ledger.Custody)
        self.cosigned = self.published = None
        self.cosigned_size, self.vouched = 0, None
        self.tags, self.blobs, self.signatures, self.additions = {}, {}, {}, {}     # what the indexes must hold

    def report(self, finding, where):
        self.counts[finding] += 1
        if self.counts[finding] <= LISTED:
            self.findings.append({"id": finding, "where": where})

    def whole(self):
        return all(finding in NOTICES for finding in self.counts)

    def run(self):
        """Fills findings, counts and history, or raises CouldNotCheck."""
        try:
            names = os.listdir(self.store)
            path = os.path.join(self.store, "vault.db")
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise CouldNotCheck("vault.db is no regular file")
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as err:
            raise CouldNotCheck(str(err)) from None
        try:
            self.check_files(names)
            self.database = pages.Database(file, self.live, self.report)
            if self.database.read_metas():
                self.check_database()
            self.check_current()
        finally:
            os.close(file)

    def check_files(self, names):
        for name in sorted(names):
            if name == "blobs" and stat.S_ISDIR(os.lstat(os.path.join(self.store, name)).st_mode):
                continue
            if name != "vault.db" and not self.live:
                self.report("file-unknown", repr(name))

    def check_database(self):
        self.database.read_top(BUCKETS)
        self.check_version()
        self.check_leaves()
        self.check_hashes()
        self.check_rosters()
        self.check_events()
        self.check_head()
        self.check_cases()
        self.check_envelopes()
        self.check_messages()
        self.check_indexes()
        self.database.check_free()
        self.check_blob_names()

    # Steps 2 to 4

    def check_version(self):
        version = None
        for key, value in self.database.bucket("vault"):
            if key != b"version":
                self.report("schema-key", f"vault: {key!r}")
                continue
            version = value
            if value != b"1":
                self.report("store-version", repr(value))
        if version is None:
            self.report("schema-key", "vault: no version")

    def check_leaves(self):
        order, missing = ledger.Order(), 0
        for key, value in self.database.bucket("leaves"):
            index = index_of(key)
            gap = 0 if index is None else index - len(self.leaves)
            if index is None or gap < 0 or missing + gap > MISSING_LEAVES:
                self.report("schema-key", f"leaves: {key.hex()}")
                continue
            missing += gap
            for _ in range(gap):
                self.report("leaf-missing", f"leaf {len(self.leaves)}")
                self.add_leaf(b"", None)
            try:
                leaf = texts.leaf(value, index)
            except Refused as refused:
                self.report("leaf-malformed", f"leaf {index}: {refused}")
                leaf = None
            self.add_leaf(value, leaf)
            if leaf:
                fault = order.take(leaf)
                if fault:
                    finding = "withdrawn-order" if leaf.event == "withdrawn" else "leaf-order"
                    self.report(finding, f"leaf {index}: {fault}")
                self.follow(leaf)

    def add_leaf(self, data, leaf):
        self.leaves.append(leaf)
        self.hashes += self.tree.add(data)

    def follow(self, leaf):
        """What later leaves and the indexes are held against."""
        where = f"leaf {leaf.index}"
        if leaf.signature:
            if leaf.signature in self.signatures:
                self.report("leaf-twice", where)
            self.signatures[leaf.signature] = leaf.index
        if leaf.event == "case":
            self.opened.setdefault(leaf.case, leaf.index)
        if leaf.event == "roster":
            self.last_number = leaf.number
        known = self.opened.get(leaf.case)
        if known is None:
            return
        if leaf.once:
            if leaf.once in self.additions:
                self.report("leaf-twice", where)
            self.additions[leaf.once] = leaf.index
        if leaf.event == "rekey":
            if leaf.number != self.last_number:
                self.report("rekey-roster", where)
            self.rekeys[known] = leaf
        if leaf.event in ledger.RETIRING:
            self.retiring[known] = leaf

    def check_hashes(self):
        present = set()
        for key, value in self.database.bucket("hashes"):
            index = index_of(key)
            if index is None or len(value) != 32 or index >= len(self.hashes):
                self.report("schema-key", f"hashes: {key.hex()}")
                continue
            present.add(index)
            if value != self.hashes[index]:
                self.report("tree-hash", f"hash {index}")
        for index in range(len(self.hashes)):
            if index not in present:
                self.report("record-missing", f"hash {index}")

    def records(self, bucket, event):
        """Yields leaf and value of each pair of a bucket that belongs to a leaf of the event.

        A leaf that is missing or malformed has no event: its pair is let stand.
        """
        self.present = set()
        for key, value in self.database.bucket(bucket):
            index = index_of(key)
            if index is None or index >= len(self.leaves):
                self.report("schema-key", f"{bucket}: {key.hex()}")
                continue
            leaf = self.leaves[index]
            if leaf and leaf.event != event:
                self.report("schema-key", f"{bucket}: leaf {index} is {leaf.event}")
            elif leaf:
                self.present.add(index)
                yield leaf, value

    def absent(self, event):
        """The leaves of an event that had no pair in the last bucket."""
        return [leaf for leaf in self.leaves if leaf and leaf.event == event and leaf.index not in self.present]

    def check_rosters(self):
        before = None
        for leaf, value in self.records("rosters", "roster"):
            where = f"roster of leaf {leaf.index}"
            if sha256(value) != leaf.digest:
                self.report("record-digest", where)
            try:
                roster = rosters.open_roster(value, self.organisation)
            except Refused as refused:
                self.report("roster-signature", f"{where}: {refused}")
                continue
            if roster.number != leaf.number:
                self.report("roster-number", where)
            if before and not roster.follows(before):
                self.report("roster-order", where)
            before = self.verified[leaf.index] = roster
        for leaf in self.absent("roster"):
            self.report("record-missing", f"roster of leaf {leaf.index}")

    def in_force(self, index):
        """The roster in force at a leaf, or None."""
        before = [roster for leaf, roster in self.verified.items() if leaf <= index]
        return before[-1] if before else None

    def last_verified(self):
        return next(reversed(self.verified.values()), None)

    # Steps 5 and 6

    def check_events(self):
        handed_over = set()
        for leaf in filter(None, self.leaves):
            where, roster = f"leaf {leaf.index}", self.in_force(leaf.index)
            if leaf.destination and roster and leaf.destination not in roster.destinations:
                self.report("event-destination", where)
            elif leaf.event == "handed-over":
                handed_over.add((leaf.case, leaf.destination))
            elif leaf.event == "acknowledged" and (leaf.case, leaf.destination) not in handed_over:
                self.report("event-order", where)

            if leaf.case:
                fault = self.custody[leaf.case].fault(leaf, roster)
                if fault:
                    self.report(fault, where)
                self.custody[leaf.case].take(leaf)

            if leaf.event == "withdrawn" and roster and "withdraw" not in roster.policy:
                self.report("withdrawn-policy", where)
            if leaf.signature and roster:
                if leaf.by not in roster.workers:
                    self.report("event-worker", where)
                elif not ledger.verifies(leaf, roster):
                    self.report("event-signature", where)

    def check_head(self):
        head = {}
        for key, value in self.database.bucket("head"):
            if key in (b"checkpoint", b"published", b"cosigned"):
                head[key] = value
            else:
                self.report("schema-key", f"head: {key!r}")
        if b"checkpoint" not in head:
            self.report("schema-key", "head: no checkpoint")
        elif self.verified:
            self.check_checkpoint(head[b"checkpoint"])
            if self.last is not None:
                self.check_history()
        if b"cosigned" in head:
            self.cosigned = self.check_published("cosigned", head[b"cosigned"])
        if b"published" in head:
            self.published = self.check_published("published", head[b"published"])

    def check_checkpoint(self, data):
        try:
            checkpoint = notes.open_checkpoint(data, self.last_verified().ledger)
        except Refused as refused:
            self.report("checkpoint-signature", str(refused))
            return
        if not notes.signed_by_no_other(data, self.last_verified().ledger, []):
            self.report("signature-unknown", "checkpoint")
        if checkpoint.size != len(self.leaves):
            self.report("checkpoint-size", f"{checkpoint.size} leaves, not {len(self.leaves)}")
        elif checkpoint.root != self.tree.root(checkpoint.size):
            self.report("checkpoint-root", "checkpoint")

    def check_history(self):
        for roster in [self.auditors_roster, *self.verified.values()]:
            try:
                last = notes.open_checkpoint(self.last, roster.ledger)
                break
            except Refused as err:
                refused = err
        else:
            raise CouldNotCheck(f"the last checkpoint does not open: {refused}")
        self.history = "broken"
        if last.size > len(self.leaves):
            self.report("history-rollback", f"{len(self.leaves)} leaves, and there were {last.size}")
        elif last.root != self.tree.root(last.size):
            self.report("history-rewritten", f"the first {last.size} leaves")
        else:
            self.history = "grew"

    def check_published(self, what, data):
        """Checks `published` or `cosigned`; gives it if it is in its form."""
        try:
            found = notes.published(data)
        except Refused as refused:
            self.report("published-malformed", f"{what}: {refused}")
            return None
        size = found.checkpoint.size
        if not self.verified:
            return found
        key = next((r.ledger for r in reversed(self.verified.values()) if found.opens_with(r.ledger)), None)
        if key is None:
            self.report(what + "-signature", what)
        elif size > len(self.leaves) or found.checkpoint.root != self.tree.root(size):
            self.report(what + "-root", what)
        else:
            last = self.leaves[size - 1] if size else None
            if last and last.day >= found.day:
                self.report("published-day", what)
            if any(leaf and leaf.day < found.day for leaf in self.leaves[size:]):
                self.report("published-short", what)
            if not any(notes.signed_by_no_other(found.note, key, cosigner_keys(r)) for r in self.since(size)):
                self.report("signature-unknown", what)
            if what == "cosigned" and self.check_quorum(found):
                self.cosigned_size = size
        return found

    def since(self, size):
        """The rosters, newest first, whose cosigners may have signed a checkpoint of that size."""
        for index, roster in reversed(self.verified.items()):
            yield roster
            if index < size:
                break

    def check_quorum(self, cosigned):
        for roster in self.since(cosigned.checkpoint.size):
            times, needed = cosigned_at(roster, cosigned), max(1, roster.quorum())
            if len(times) >= needed:
                self.vouched = times[needed - 1] // 86400 + texts.day_number("1970-01-01")
                return True
        self.report("cosigned-quorum", "cosigned")
        return False

    # Step 9

    def check_indexes(self):
        self.check_index("ids", self.opened)
        self.check_index("tags", self.tags)
        self.check_index("blobs", self.blobs)
        self.check_index("signatures", {sha256(data): index for data, index in self.signatures.items()})
        self.check_index("additions", self.additions)
        self.check_threads()

    def check_index(self, bucket, expected):
        pairs = 0
        for key, value in self.database.bucket(bucket):
            if key not in expected:
                self.report("schema-key", f"{bucket}: {key.hex()}")
                continue
            pairs += 1
            if value != key_of(expected[key]):
                self.report("index-wrong", f"{bucket}: {key.hex()}")
        if pairs < len(expected):
            self.report("index-missing", f"{bucket}: {len(expected) - pairs}")

    def check_threads(self):
        expected = {(self.opened[leaf.case], leaf.index) for leaf in filter(None, self.leaves)
                    if leaf.event not in ("roster", "case") and leaf.case in self.opened}
        pairs = 0
        for key, value in self.database.bucket("threads"):
            case, index = index_of(key[:8]), index_of(key[8:])
            if (case, index) in expected and not value:
                pairs += 1
            elif value or not self.may_stand(case, index):
                self.report("schema-key", f"threads: {key.hex()}")
        if pairs < len(expected):
            self.report("index-missing", f"threads: {len(expected) - pairs}")

    def may_stand(self, *indexes):
        """Says whether one of the leaves is missing or malformed, so that nothing can be said of the pair."""
        return (all(index is not None and index < len(self.leaves) for index in indexes)
                and any(self.leaves[index] is None for index in indexes))


def cosigned_at(roster, cosigned):
    """When the roster's cosigners signed, in seconds, newest first; nothing if a line does not verify."""
    try:
        _, signatures = notes.parse(cosigned.note)
    except Refused:
        return []
    lines = [(key, notes.cosigned_by(key, cosigned.text, signatures)) for key in cosigner_keys(roster)]
    if any(verifies is False for _, verifies in lines):
        return []
    return sorted((notes.cosigned_time(key, signatures) for key, verifies in lines if verifies), reverse=True)


def cosigner_keys(roster):
    return [cosigner["key"] for cosigner in roster.cosigners.values()]
