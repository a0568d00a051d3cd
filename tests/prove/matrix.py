"""The same proof on several Keystone releases: `make matrix` makes their environments, and says where they differ."""

import argparse
import os
import sys
import warnings
from collections import Counter
from typing import Any

from p3idp.lab.bootstrap import install_keystone_release
from p3idp.lab.servers.keystone import VENV
from prove import prove

LOCKED = "30"
RELEASES = ["24", "26", "28", "29", LOCKED]


def difference(found: dict[str, Any]) -> str:
    """What two engines said differently, without the particulars."""
    keystone = found["keystone"]
    said = keystone if isinstance(keystone, str) else next(f"{kind} {what}" for kind, what in keystone.items())
    ours = "saved" if found["p3idp"] == "saved" else found["p3idp"].split("(")[0]
    return f"schema {found['schema_version']!r}: p3idp {ours}, Keystone {said if len(said) < 60 else said.split()[0]}"


def main() -> int:
    """Prove on each release. Exit status 1 where the release that p3idp imitates disagrees."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pairs", type=int, default=20_000)
    asked.add_argument("--seed", type=int, default=20261122)
    asked.add_argument("releases", nargs="*", default=RELEASES)
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    status = 0
    for release in options.releases:
        python = VENV / "bin" / "python" if release == LOCKED else install_keystone_release(release)
        print(f"Keystone {release}: {options.pairs} pairs …", flush=True)
        tally = prove(options.pairs, options.seed, python, lambda text: print(text, flush=True), stop_at=sys.maxsize)
        counted = Counter(difference(each) for each in tally.disagreements)
        print(f"Keystone {release}: {len(tally.disagreements)} differences in {tally.pairs} pairs")
        for what, count in counted.most_common():
            print(f"  {count:>8}  {what}")
        if release == LOCKED and counted:
            status = 1
    return status


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    sys.exit(main())
