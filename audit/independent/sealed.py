"""Case records, envelopes, messages and blobs: steps 7 and 8 of the check (formats.md, section 12)."""

import hashlib
import os
import stat

import agefile
import texts
from texts import Refused, sha256

SMALL = 262144      # the longest message that is not a blob
NAME = 16
READ = 1 << 20


class Sealed:
    def check_cases(self):
        for leaf, value in self.records("cases", "case"):
            where = f"case record of leaf {leaf.index}"
            if sha256(value) != leaf.digest:
                self.report("record-digest", where)
            try:
                record = texts.case_record(value)
            except Refused as refused:
                self.report("record-malformed", f"{where}: {refused}")
                continue
            if record.case != leaf.case:
                self.report("record-case", where)
            if record.tag in self.tags:
                self.report("record-tag", where)
            self.tags[record.tag] = leaf.index
            retiring = self.retiring.get(leaf.index)
            if retiring and retiring.event == "withdrawn" and sha256(retiring.secret) != record.withdrawal:
                self.report("withdrawn-secret", f"leaf {retiring.index}")
        for leaf in self.absent("case"):
            self.report("record-missing", f"case record of leaf {leaf.index}")

    def check_envelopes(self):
        for leaf, value in self.records("envelopes", "case"):
            where = f"envelope of leaf {leaf.index}"
            retiring = self.retiring.get(leaf.index)
            if retiring:
                self.report("envelope-" + retiring.event, where)
            source = self.rekeys.get(leaf.index, leaf)
            if sha256(value) != source.envelope:
                self.report("record-digest", where)
            try:
                envelope = agefile.parse(value[:agefile.HEADER], len(value))
            except Refused as refused:
                self.report("envelope-malformed", f"{where}: {refused}")
                continue
            roster = self.in_force(source.index)
            if roster and len(envelope.types) != len(roster.workers):
                self.report("envelope-recipients", where)
            if roster and roster.recipients() != self.last_verified().recipients():
                self.report("rekey-overdue", where)
            if envelope.plaintext != 78:
                self.report("envelope-size", where)
            self.check_header("envelope", envelope, where)
        for leaf in self.absent("case"):
            if leaf.index not in self.retiring:
                self.report("record-missing", f"envelope of leaf {leaf.index}")

    def check_header(self, what, file, where):
        if not file.exact:
            self.report(what + "-header", where)
        if any(kind != agefile.HYBRID for kind in file.types):
            self.report("recipient-type", where)

    def check_messages(self):
        for leaf, value in self.records("messages", "message"):
            where = f"message of leaf {leaf.index}"
            if value[:1] == b"\0" and 1 < len(value) <= 1 + SMALL:
                data = value[1:]
                self.check_message(leaf, where, len(data), sha256(data), data[:agefile.HEADER])
            elif value[:1] == b"\1" and len(value) == 1 + NAME:
                self.check_blob(leaf, where, value[1:])
            else:
                self.report("record-malformed", where)
        for leaf in self.absent("message"):
            self.report("record-missing", f"message of leaf {leaf.index}")

    def check_blob(self, leaf, where, name):
        where = f"{where}, blob {name.hex()}"
        if name in self.blobs:
            self.report("blob-twice", where)
        self.blobs[name] = leaf.index
        path = os.path.join(self.store, "blobs", name.hex())
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise OSError("not a regular file")
            with open(path, "rb") as blob:
                size = os.fstat(blob.fileno()).st_size
                digest, head = digest_and_head(blob)
        except FileNotFoundError:
            self.report("blob-missing", where)
            return
        except OSError as err:
            self.report("blob-unreadable", f"{where}: {err}")
            return
        if size <= SMALL:
            self.report("blob-small", where)
        self.check_message(leaf, where, size, digest, head)

    def check_message(self, leaf, where, size, digest, head):
        if size != leaf.size:
            self.report("message-size", where)
            return
        if digest != leaf.digest:
            self.report("message-digest", where)
        try:
            message = agefile.parse(head, size)
        except Refused as refused:
            self.report("message-malformed", f"{where}: {refused}")
            return
        if len(message.types) != (2 if leaf.kind == "reply" else 1):
            self.report("message-recipients", where)
        if not agefile.may_be_random(head, message.header):
            self.report("message-readable", where)
        if not agefile.is_step(message.plaintext):
            self.report("message-padding", where)
        self.check_header("message", message, where)

    def check_blob_names(self):
        named = {name.hex() for name in self.blobs}
        try:
            entries = os.listdir(os.path.join(self.store, "blobs"))
        except OSError as err:
            self.report("blob-unreadable", f"blobs: {err.strerror}")
            return
        for entry in sorted(entries):
            if entry not in named:
                self.report("blob-stray", repr(entry))


def digest_and_head(file):
    """The SHA-256 of an open file, and its first bytes, enough for the header of an age file."""
    digest, head = hashlib.sha256(), b""
    while data := file.read(READ):
        digest.update(data)
        if len(head) < agefile.HEADER:
            head += data
    return digest.digest(), head
