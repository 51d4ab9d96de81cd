"""vault.db, the bbolt file (formats.md, section 3), and what is found in it (section 12)."""

import os
import struct
from dataclasses import dataclass

PAGE = 4096
HEADER = struct.Struct("<QHHI")         # id, flags, count, overflow
META = struct.Struct("<IIIIQQQQQQ")     # to the checksum, that too
BRANCH_ELEMENT = struct.Struct("<IIQ")
LEAF_ELEMENT = struct.Struct("<IIII")
BUCKET = struct.Struct("<QQ")
BRANCH, LEAF, META_FLAG, FREELIST = 1, 2, 4, 16
TREE_PAGES, FREELIST_PAGES = 512, 16384
DEEPEST = 64


def fnv1a(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def not_zero(data):
    return bool(data.strip(b"\0"))


@dataclass
class Meta:
    body: bytes
    root: int
    freelist: int
    high: int
    transaction: int


class Database:
    """The pages of an open file. report(id, where) takes what is found."""

    def __init__(self, file, live, report):
        self.file, self.live, self.report = file, live, report
        self.size = os.fstat(file).st_size
        self.meta, self.used, self.buckets = None, bytearray(), {}

    def read(self, number, length, where):
        try:
            data = os.pread(self.file, length, number * PAGE)
        except OSError:
            data = b""
        if len(data) == length:
            return data
        self.report("page-unreadable", where)
        return None

    # The meta pages

    def read_metas(self):
        """Finds the meta page in force; says whether there is one."""
        metas = [meta for meta in map(self.read_meta, (0, 1)) if meta]
        if not metas:
            return False
        self.meta = max(metas, key=lambda meta: meta.transaction)   # of equals, the first
        if len(metas) == 2 and not self.live:
            first, second = metas
            if first.body[:48] != second.body[:48] or second.transaction != first.transaction - 1:
                self.report("page-header", "meta pages of two transactions")

        whole = self.size // PAGE
        if not 4 <= self.meta.high <= whole:
            self.report("page-header", "the number of pages in the meta page")
            self.meta.high = min(self.meta.high, whole)
        elif self.size > self.meta.high * PAGE and not self.live:
            self.report("file-tail", f"from byte {self.meta.high * PAGE}")
        self.used = bytearray(self.meta.high)
        self.used[:2] = b"\1\1"[:self.meta.high]
        return True

    def read_meta(self, number):
        where = f"meta page {number}"
        page = self.read(number, PAGE, where)
        if page is None:
            return None
        body = page[HEADER.size:]
        magic, version, page_size, flags, root, sequence, freelist, high, transaction, checksum = META.unpack_from(body)
        if checksum != fnv1a(body[:56]):
            self.report("page-checksum", where)
            return None
        if (magic, version, page_size, flags) != (0xED0CDAED, 2, PAGE, 0):
            self.report("page-header", where)
            return None
        if HEADER.unpack_from(page) != (number, META_FLAG, 0, 0) or sequence != 0:
            self.report("page-header", where)
        if not_zero(body[META.size:]):
            self.report("page-slack", where)
        return Meta(body, root, freelist, high, transaction)

    # Trees

    def take(self, number, most, where):
        """The page with its overflow, now in use; None if it is passed over."""
        if not 2 <= number < self.meta.high:
            self.report("page-header", f"{where}: there is no such page")
            return None
        header = self.read(number, HEADER.size, where)
        if header is None:
            return None
        identity, _, _, overflow = HEADER.unpack(header)
        if identity != number:
            self.report("page-header", f"{where}: it says that it is page {identity}")
        if overflow >= most or number + overflow >= self.meta.high:
            self.report("page-header", f"{where}: {overflow} pages of overflow")
            return None
        for used in range(number, number + overflow + 1):
            if self.used[used]:
                self.report("page-twice", f"{where}: page {used}")
                return None
            self.used[used] = 1
        return self.read(number, PAGE * (overflow + 1), where)

    def tree(self, root, name):
        """Yields kind, key and value of each pair of a tree, in order."""
        yield from self.tree_page(root, 0, name, [None])

    def tree_page(self, number, depth, name, before):
        """Yields the pairs below a page; returns the key of the first, None if it can't be read."""
        where = f"{name}, page {number}"
        if depth > DEEPEST:
            self.report("page-depth", where)
            return None
        page = self.take(number, TREE_PAGES, where)
        if page is None:
            return None
        _, flags, count, overflow = HEADER.unpack_from(page)
        if flags not in (BRANCH, LEAF) or flags == BRANCH and overflow or HEADER.size + 16 * count > len(page):
            self.report("page-header", where)
            return None
        if count == 0 and (flags == BRANCH or depth > 0):
            self.report("page-header", f"{where}: empty")
        if flags == LEAF:
            return (yield from self.leaf_page(page, where, before))

        first = None
        for i, (key, child) in enumerate(self.branch_elements(page, where)):
            below = yield from self.tree_page(child, depth + 1, name, before)
            if below is not None and below != key:
                self.report("page-order", f"{where}: a key is not the first below it")
            if i == 0:
                first = below
        return first

    def branch_elements(self, page, where):
        count = HEADER.unpack_from(page)[2]
        end = HEADER.size + 16 * count
        for at in range(HEADER.size, HEADER.size + 16 * count, 16):
            position, size, child = BRANCH_ELEMENT.unpack_from(page, at)
            if at + position != end or end + size > len(page):
                self.report("page-element", where)
                return
            key, end = page[end:end + size], end + size
            yield key, child
        if not_zero(page[end:]):
            self.report("page-slack", where)

    def leaf_page(self, page, where, before):
        """Yields the pairs of a leaf; before[0] is the key before in the whole tree."""
        first, count = None, HEADER.unpack_from(page)[2]
        end = HEADER.size + 16 * count
        for at in range(HEADER.size, HEADER.size + 16 * count, 16):
            kind, position, key_size, value_size = LEAF_ELEMENT.unpack_from(page, at)
            if at + position != end or end + key_size + value_size > len(page) or kind > 1:
                self.report("page-element", where)
                return first
            key, end = page[end:end + key_size], end + key_size
            value, end = page[end:end + value_size], end + value_size
            if before[0] is not None and key <= before[0]:
                self.report("page-order", where)
            before[0] = key
            if first is None:
                first = key
            yield kind, key, value
        if not_zero(page[end:]):
            self.report("page-slack", where)
        return first

    # Buckets

    def read_top(self, expected):
        """Finds the buckets; walks those that are not among the expected, for their pages."""
        for kind, key, value in self.tree(self.meta.root, "top bucket"):
            if kind == 0 or len(value) < BUCKET.size:
                self.report("schema-key", f"top bucket: {key!r}")
            else:
                self.buckets[key.decode("latin-1")] = value
        for name in sorted(set(self.buckets) - set(expected)):
            self.report("schema-bucket", f"{name!r} does not belong")
            for _ in self.pairs(name):
                pass
        for name in expected:
            if name not in self.buckets:
                self.report("schema-bucket", f"{name} is missing")

    def bucket(self, name):
        """Yields key and value of each pair; nothing if there is no such bucket."""
        for kind, key, value in self.pairs(name) if name in self.buckets else ():
            if kind == 1:
                self.report("schema-key", f"{name}: a bucket in a bucket")
            else:
                yield key, value

    def pairs(self, name):
        value = self.buckets[name]
        root, sequence = BUCKET.unpack_from(value)
        image = value[BUCKET.size:]
        if sequence or root and image:
            self.report("schema-value", f"bucket {name}")
        return self.tree(root, name) if root else self.inline(image, f"{name}, inline")

    def inline(self, page, where):
        if len(page) < HEADER.size:
            self.report("page-header", where)
            return
        identity, flags, count, overflow = HEADER.unpack_from(page)
        if flags != LEAF or HEADER.size + 16 * count > len(page):
            self.report("page-header", where)
            return
        if identity or overflow:
            self.report("page-header", where)
        yield from self.leaf_page(page, where, [None])

    # The freelist

    def check_free(self):
        """Step 10: after all trees were walked."""
        page = self.take(self.meta.freelist, FREELIST_PAGES, f"freelist, page {self.meta.freelist}")
        if page is None:
            return
        _, flags, count, _ = HEADER.unpack_from(page)
        start = HEADER.size
        if count == 0xFFFF and len(page) >= start + 8:
            count, start = struct.unpack_from("<Q", page, start)[0], start + 8
        end = start + 8 * count
        if flags != FREELIST or end > len(page):
            self.report("page-header", "freelist")
            return
        if not_zero(page[end:]):
            self.report("page-slack", "freelist")

        free, last = bytearray(self.meta.high), 1
        for number in struct.unpack_from(f"<{count}Q", page, start):
            if not last < number < self.meta.high:
                self.report("page-freelist", f"page {number}")
                continue
            last = number
            if self.used[number]:
                self.report("page-twice", f"page {number} is in use, and in the freelist")
                continue
            free[number] = 1
            if not self.live:
                page = self.read(number, PAGE, f"page {number}")
                if page is not None and not_zero(page):
                    self.report("page-free", f"page {number}")
        for number in range(self.meta.high):
            if not self.used[number] and not free[number]:
                self.report("page-lost", f"page {number}")
