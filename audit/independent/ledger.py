"""The order of leaves, and the custody of cases (formats.md, sections 10 and 11)."""

import ed25519
from texts import day_number

SEEING = ("read", "handed-over", "acknowledged", "held", "message reply", "message note")
RETIRING = ("purged", "withdrawn")
LAST_DAY = day_number("9999-12-31")


def verifies(leaf, roster):
    """Says whether the case worker that the leaf names signed it, by this roster."""
    statement = leaf.statement(roster.instance)
    return ed25519.verify(roster.workers[leaf.by]["desk"], statement, leaf.signature)


class Order:
    def __init__(self):
        self.first = True
        self.day = ""
        self.awaited = None     # the case whose report must come next
        self.seen = {}          # by opened case
        self.retired = {}

    def take(self, leaf):
        """What is wrong with the leaf where it stands, or None."""
        fault = self.fault(leaf)
        self.first = False
        self.day = max(self.day, leaf.day)
        self.awaited = None
        case = leaf.case
        if leaf.event == "case":
            self.seen.setdefault(case)
            self.awaited = case
        elif case in self.seen:
            if leaf.event in RETIRING:
                self.retired[case] = leaf.event
            if leaf.form in SEEING:
                self.seen[case] = leaf.form
        return fault

    def fault(self, leaf):
        case = leaf.case
        if self.first and leaf.event != "roster":
            return "the first is no roster"
        if leaf.day < self.day:
            return "its day is before that of an earlier one"
        if self.awaited and (leaf.form, case) != ("message report", self.awaited):
            return "a case without its report"
        if leaf.event == "roster":
            return None
        if leaf.event == "case":
            return "the case was opened before" if case in self.seen else None
        if case not in self.seen:
            return "the case was not opened"
        if case in self.retired:
            return f"the case was {self.retired[case]}"
        if leaf.event == "withdrawn" and self.seen[case]:
            return f"the case was seen: {self.seen[case]}"
        if leaf.form == "message report" and self.awaited is None:
            return "a second report"
        return None


class Custody:
    """Of one case, over all its leaves. Days are numbers, or None."""

    def __init__(self):
        self.news = self.since = None
        self.paused = 0
        self.held, self.hold = False, None      # the index of the last `held`
        self.at, self.proposals = 0, []
        self.report, self.seen, self.gone = None, False, False     # for what is overdue

    def take(self, leaf):
        today = day_number(leaf.day)
        if leaf.event in ("message", "handed-over", "acknowledged"):
            self.news = self.since = today
            self.paused = 0
        if leaf.event == "held":
            self.since = self.since if self.held else today
            self.held, self.hold = True, leaf.index
        released = leaf.event == "released" and self.held and leaf.saw(self.hold)
        if released:
            self.paused += today - self.since
            self.held = False
        if leaf.event in ("message", "held") or released:
            self.at, self.proposals = leaf.index, []
        if leaf.event == "purge-proposed":
            self.proposals.append(leaf)

        if leaf.form == "message report":
            self.report = today
        self.seen |= leaf.form in SEEING
        self.gone |= leaf.event in RETIRING

    def due(self, roster):
        """The day on which the case may be purged for its age; None if there was no news."""
        if self.news is None:
            return None
        return min(self.news + roster.policy["retention-days"] + self.paused, LAST_DAY)

    def fault(self, leaf, roster):
        """The finding of a leaf that was not taken yet, or None."""
        if leaf.event == "released" and self.held and not leaf.saw(self.hold):
            return "released-unseen"
        if leaf.event == "purged" and roster and not self.gone:
            return self.purge_fault(leaf, roster)
        return None

    def purge_fault(self, leaf, roster):
        if leaf.rule not in ("retention", "request"):
            return "purged-rule"
        if self.held:
            return "purged-held"
        if leaf.rule == "retention":
            due = self.due(roster)
            if due is None or day_number(leaf.day) < due:
                return "purged-early"
        if not leaf.saw(self.at):
            return "purged-unseen"
        signers = {leaf.by}
        for proposal in self.proposals:
            if (proposal.rule == leaf.rule and proposal.saw(self.at)
                    and proposal.by in roster.workers and verifies(proposal, roster)):
                signers.add(proposal.by)
        return "purged-signers" if len(signers) < roster.policy.get("purge-signers", 2) else None
