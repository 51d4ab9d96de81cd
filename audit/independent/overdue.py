"""What depends on today and on the auditor's roster: step 11 of the check (formats.md, section 12)."""

from texts import case_text, day_number

STALE_DAYS = 4


class Overdue:
    def check_current(self):
        current = self.last_verified()
        if current is None:
            self.report("roster-missing", "rosters")
            return
        mine = self.auditors_roster
        same_number = [roster.note for roster in self.verified.values() if roster.number == mine.number]
        if current.instance != mine.instance:
            self.report("roster-origin", f"roster {current.number}")
        elif current.number < mine.number:
            self.report("roster-rollback", f"roster {current.number}, and the auditor's is {mine.number}")
        elif same_number and mine.note not in same_number:
            self.report("roster-fork", f"roster {mine.number}")
        if day_number(self.today) + 1 < day_number(max(self.days_shown())):
            self.report("day-ahead", "store")
        self.check_stale(current)
        self.check_cases_in_time(current)

    def check_stale(self, current):
        if not current.quorum():
            return
        waiting = 0
        for index, roster in reversed(self.verified.items()):
            if not roster.quorum():
                break
            waiting = index
        self.check_aged(self.leaves[waiting])
        waiting = max(waiting, self.cosigned_size)
        if waiting >= len(self.leaves) or self.leaves[waiting] is None:
            return
        if day_number(self.leaves[waiting].day) + STALE_DAYS < day_number(max(self.days_shown())):
            self.report("cosigned-stale", f"leaf {waiting}")

    def days_shown(self):
        shown = [leaf.day for leaf in self.leaves if leaf]
        return shown + [found.day for found in (self.published, self.cosigned) if found]

    def check_aged(self, first):
        vouched = [day for day in (self.vouched, first and day_number(first.day)) if day is not None]
        if vouched and max(vouched) + STALE_DAYS < day_number(self.today):
            self.report("cosigned-old", "cosigned")

    def check_cases_in_time(self, current):
        today = day_number(self.today)
        for case, custody in self.custody.items():
            if custody.report is None or custody.gone:
                continue
            due = (custody.report + 1) * 24 + current.policy["deadline-hours"]
            if not custody.seen and today * 24 >= due:
                self.report("deadline-overdue", f"case {case_text(case)}")
            if not custody.held and today > custody.due(current):
                self.report("retention-overdue", f"case {case_text(case)}")
