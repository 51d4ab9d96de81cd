"""The tree over the leaves (formats.md, section 8)."""

from texts import sha256


class Tree:
    def __init__(self):
        self.levels = [[]]      # levels[l][n] is the hash of the complete subtree (l, n)

    def add(self, leaf):
        """Adds a leaf; gives the hashes that become known, in the order in which they are stored."""
        new = [sha256(b"\0" + leaf)]
        self.levels[0].append(new[0])
        level, n = 0, len(self.levels[0]) - 1
        while n % 2:
            left, right = self.levels[level][n - 1:n + 1]
            new.append(sha256(b"\1" + left + right))
            level, n = level + 1, n // 2
            if level == len(self.levels):
                self.levels.append([])
            self.levels[level].append(new[-1])
        return new

    def size(self):
        return len(self.levels[0])

    def root(self, size):
        """The root of the first leaves, as many as size says; there are as many."""
        if size == 0:
            return sha256(b"")
        root = None
        for level, hashes in enumerate(self.levels):
            if size >> level & 1:
                left = hashes[(size >> level) - 1]
                root = left if root is None else sha256(b"\1" + left + root)
        return root
