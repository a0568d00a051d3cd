"""The same proof on several Keystone releases: `make matrix` makes their environments, and says where they differ.

The differences that are known stand in known_differences.json, each with its reason. Exit status 1 on any other.
"""

import argparse
import json
import os
import sys
import warnings
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

from agreement import Tally

from p3idp.core.keystone_rules.schema import VERSIONS
from p3idp.lab.bootstrap import install_keystone_release
from p3idp.lab.servers.keystone import VENV
from prove import prove

LOCKED = "30"
RELEASES = ["24", "25", "26", "27", "28", "29", LOCKED]
NEW = "NEW:"
KNOWN = Path(__file__).with_name("known_differences.json")


def differences(tally: Tally) -> Counter[str]:
    """How often each difference was seen."""
    versions = (each["schema_version"] for each in tally.disagreements)
    named = (version if version in VERSIONS else "unknown" for version in versions)
    return Counter(f"{name}: {each['difference']}" for name, each in zip(named, tally.disagreements, strict=True))


def reasons(release: str, found: Counter[str]) -> Counter[str]:
    """The same by reason; what has none is NEW."""
    listed = [each for each in json.loads(KNOWN.read_text(encoding="utf-8")) if release in each["releases"]]
    by_reason: Counter[str] = Counter()
    for what, count in found.items():
        known = (each["because"] for each in listed if any(fnmatchcase(what, one) for one in each["differences"]))
        by_reason[next(known, f"{NEW} {what}")] += count
    return by_reason


def told(release: str, tally: Tally, by_reason: Counter[str]) -> str:
    """One release's part of the table."""
    lines = [f"{release:<10}{tally.pairs:>8}{by_reason.total():>8}"]
    lines += [f"{count:>26}  {reason}" for reason, count in by_reason.most_common()]
    return "\n".join(lines)


def main() -> int:
    """Prove on each release, and hold what differs against what is known."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pairs", type=int, default=20_000)
    asked.add_argument("--seed", type=int, default=20261122)
    asked.add_argument("releases", nargs="*", default=RELEASES)
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    parts, new = [f"{'Keystone':<10}{'pairs':>8}{'differ':>8}  because it"], 0
    for release in options.releases:
        python = VENV / "bin" / "python" if release == LOCKED else install_keystone_release(release)
        print(f"Keystone {release}: {options.pairs} pairs …", flush=True)
        tally = prove(options.pairs, options.seed, python, lambda text: print(text, flush=True), stop_at=sys.maxsize)
        by_reason = reasons(release, differences(tally))
        new += sum(reason.startswith(NEW) for reason in by_reason)
        parts.append(told(release, tally, by_reason))
    print("\n".join(["", *parts]))
    if new:
        print(f"{new} differences are new: {KNOWN.name} has no reason for them.")
    return 1 if new else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    sys.exit(main())
