#!/usr/bin/env python3
"""Verifies a Tocsin store, without anything of Tocsin's.

Written from docs/formats.md alone, to show that the page suffices: read it beside this.
It needs Python 3.9 or later and nothing else, no key that opens anything, and writes nothing.

    python3 verify.py --org-key FILE|KEY --roster FILE [--last CHECKPOINT] STORE...

Exit code: 0 all stores are whole, 3 something was found, 1 one could not be checked,
2 usage.
"""

import argparse
import datetime
import json
import os
import sys

sys.dont_write_bytecode = True

import notes  # noqa: E402 (after the line above, so that nothing is written here)
import roster  # noqa: E402
import texts  # noqa: E402
from check import NOTICES, Check, CouldNotCheck  # noqa: E402

WHOLE, COULD_NOT, FOUND = 0, 1, 3


def main():
    parser = argparse.ArgumentParser(description="Verifies stores by docs/formats.md.")
    parser.add_argument("--org-key", required=True, help="the organisation's verifier key, or a file with it")
    parser.add_argument("--roster", required=True, help="the auditor's roster")
    parser.add_argument("--last", help="the checkpoint that the last check kept")
    parser.add_argument("--live", action="store_true", help="the store is not a snapshot")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each store")
    parser.add_argument("--today", type=texts.day, help="YYYY-MM-DD, if not today in UTC")
    parser.add_argument("store", nargs="+")
    options = parser.parse_args()
    today = options.today or datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")

    codes = set()
    for store in options.store:
        result = verify(store, options, today)
        print(json.dumps(result) if options.json else text_of(result), flush=True)
        codes.add(COULD_NOT if "error" in result else WHOLE if result["whole"] else FOUND)
    return COULD_NOT if COULD_NOT in codes else max(codes)


def verify(store, options, today):
    try:
        organisation = notes.verifier_key(key_text(options.org_key))
        auditors_roster = roster.open_roster(read(options.roster, roster.MOST), organisation)
        last = options.last and read(options.last, notes.MOST)
        check = Check(store, organisation, auditors_roster, last, today, options.live)
        check.run()
    except (OSError, texts.Refused, CouldNotCheck) as err:
        return {"store": store, "error": str(err)}
    return {"store": store, "whole": check.whole(), "history": check.history, "leaves": len(check.leaves),
            "findings": check.findings, "counts": check.counts}


def read(path, most):
    with open(path, "rb") as file:
        return file.read(most + 1)      # what is longer is refused by whoever reads it


def key_text(argument):
    if os.path.exists(argument):
        with open(argument, encoding="utf-8") as file:
            argument = file.read(4096)
    return argument.strip()


def text_of(result):
    if "error" in result:
        return printable(f"{result['store']}: could not check: {result['error']}")
    lines = [f"{found['id']}: {found['where']}" + (" (notice)" if found["id"] in NOTICES else "")
             for found in result["findings"]]
    rest = sum(result["counts"].values()) - len(result["findings"])
    if rest:
        lines.append(f"and {rest} more")
    verdict = "whole" if result["whole"] else "not whole"
    lines.append(f"{result['store']}: {verdict}, {result['leaves']} leaves, history {result['history']}")
    return "\n".join(printable(line) for line in lines)


def printable(line):
    """What a hostile store puts into a name must not speak to the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


if __name__ == "__main__":
    sys.exit(main())
