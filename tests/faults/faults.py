"""`make faults`: kill -9 of `p3idp apply` at every write, and every fault, as a table. Status 1 where one stays.

faults.py [--only WORDS]
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "kit"))

from fault_runs import CHANGE, FAULTS, FIRST, Faults, Row
from keystone_proxy import proxied

from p3idp.lab.handle import temporary_lab


def kills(faults: Faults) -> Iterator[Row]:
    """Before and after every write of a first apply, and of a change there and back."""
    for move in (FIRST, CHANGE):
        # A change goes to and fro, and has more writes one way than the other.
        most = max(faults.writes(move) for _ in range(2 if move == CHANGE else 1))
        for number in range(most):
            for acted in (False, True):
                for _ in range(2 if move == CHANGE else 1):
                    if row := faults.killed(move, number, acted=acted):
                        yield row


def rows(faults: Faults, only: str) -> Iterator[Row]:
    if not only or only == "kills":
        yield from kills(faults)
    for what in FAULTS:
        if only in what:
            yield faults.faulty(what)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="'kills', or words of a fault")
    only = parser.parse_args().only
    counted: Counter[tuple[str, bool]] = Counter()
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "runs").mkdir()
        with temporary_lab(Path(directory) / "lab") as lab, proxied(lab.settings.keystone.auth_url, lab.tls) as proxy:
            for row in rows(Faults(lab, proxy, Path(directory) / "runs", in_process=True), only):
                print(f"{row.what:<78} {row.ended}", *row.wrong, sep="\n    ", flush=True)
                counted["killed at a write" if "killed" in row.what else "other faults", not row.wrong] += 1
    for kind in dict.fromkeys(kind for kind, _ in counted):
        good, bad = counted[kind, True], counted[kind, False]
        print(f"{kind}: {good} of {good + bad} self-repaired, no change lost, nothing twice, nobody with more")
    return 1 if any(not good for _, good in counted) else 0


if __name__ == "__main__":
    sys.exit(main())
