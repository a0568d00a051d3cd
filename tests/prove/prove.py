"""The proof that p3idp's mapping engine answers as Keystone's: generated pairs, the same for the same seed.

`make prove` runs 200,000 pairs, `make prove ARGS="--pairs 1000000"` a million. Exit status 1 when they disagree.
"""

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from agreement import Tally
from asked_keystone import ENGINE, AskedKeystone
from hunting import hunt
from questions import Generator
from seeded_defects import DEFECTS, seeded

from p3idp.adapters.regex_worker import RegexWorker
from p3idp.core.keystone_rules.schema import VERSIONS
from p3idp.lab.servers.keystone import VENV

ASSERTIONS = 8
CHUNK = 500
HEARTBEAT_SECONDS = 10


def prove(pairs: int, seed: int, python: Path, say: Callable[[str], None], *, stop_at: int = 20) -> Tally:
    """Compare so many pairs with two processes of Keystone's engine; end early at so many disagreements."""
    tally, worker, generator = Tally(), RegexWorker(), Generator(seed)
    began = said = monotonic()
    with AskedKeystone(python) as one, AskedKeystone(python) as other:
        while tally.pairs < pairs and len(tally.disagreements) < stop_at:
            lines = [json.dumps(generator.question(ASSERTIONS)) for _ in range(min(CHUNK, -(-pairs // ASSERTIONS)))]
            half = len(lines) // 2
            answers = [one.ask_all(lines[:half]), other.ask_all(lines[half:])]
            for line, answer in zip(lines, (answer for part in answers for answer in part), strict=True):
                tally.compare(json.loads(line), answer, worker)
            if monotonic() - said > HEARTBEAT_SECONDS:
                said = monotonic()
                say(f"  {said - began:.0f} s: {tally.pairs} pairs, {len(tally.disagreements)} disagreements")
    worker.close()
    return tally


def prove_defects(pairs: int, seed: int, python: Path) -> dict[str, int]:
    """How many pairs it takes to see each seeded defect; 0 where it stays unseen. Keystone is asked once for all."""
    generator, worker = Generator(seed), RegexWorker()
    lines = [json.dumps(generator.question(ASSERTIONS)) for _ in range(pairs // ASSERTIONS)]
    with AskedKeystone(python) as keystone:
        asked = [(json.loads(line), answer) for line, answer in zip(lines, keystone.ask_all(lines), strict=True)]
    seen = {}
    for name in DEFECTS:
        tally = Tally()
        with seeded(name):
            for question, answer in asked:
                tally.compare(question, answer, worker)
                if tally.disagreements:
                    break
        seen[name] = tally.pairs if tally.disagreements else 0
    worker.close()
    return seen


def prove_fixtures(python: Path) -> dict[str, Any]:
    """Every mapping of Keystone's own unit tests with every assertion of theirs, under every schema version."""
    done = subprocess.run([python, ENGINE, "--fixtures"], capture_output=True, text=True, check=True)
    known = json.loads(done.stdout)
    tally, worker = Tally(), RegexWorker()
    with AskedKeystone(python) as keystone:
        for mapping in known["mappings"].values():
            for version in VERSIONS:
                asked = {"rules": mapping["rules"], "schema_version": version}
                question = {**asked, "assertions": list(known["assertions"].values())}
                tally.compare(question, keystone.ask(question), worker)
    worker.close()
    return {"pairs": tally.pairs, "kinds": dict(tally.kinds), "disagreements": tally.disagreements}


def main() -> int:
    """Prove, and say what came out."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pairs", type=int, default=200_000)
    asked.add_argument("--seed", type=int, default=20261122)
    asked.add_argument("--keystone", type=Path, default=VENV / "bin" / "python", metavar="PYTHON")
    asked.add_argument("--defects", type=int, default=0, metavar="PAIRS", help="also seed defects, on so many pairs")
    asked.add_argument("--fixtures", action="store_true", help="also the fixtures of Keystone's own tests")
    asked.add_argument("--hunt", type=int, default=0, metavar="EXAMPLES", help="also let hypothesis look for more")
    asked.add_argument("--json", action="store_true")
    options = asked.parse_args()
    warnings.simplefilter("ignore")
    began = monotonic()
    tally = prove(options.pairs, options.seed, options.keystone, lambda text: print(text, file=sys.stderr, flush=True))
    report: dict[str, Any] = {
        "pairs": tally.pairs,
        "kinds": dict(sorted(tally.kinds.items())),
        "refused": dict(sorted(tally.refused.items())),
        "disagreements": tally.disagreements,
        "seconds": round(monotonic() - began, 1),
    }
    if options.fixtures:
        report["fixtures"] = prove_fixtures(options.keystone)
    if options.hunt:
        with AskedKeystone(options.keystone) as keystone:
            report["hunted"] = hunt(options.hunt, options.seed, keystone, RegexWorker()).pairs
    if options.defects:
        report["defects"] = prove_defects(options.defects, options.seed, options.keystone)
    print(json.dumps(report, indent=1) if options.json else told(report))
    return 1 if tally.disagreements or report.get("fixtures", {}).get("disagreements") else 0


def told(report: dict[str, Any]) -> str:
    """The report for a person, with the first disagreements in full."""
    lines = [json.dumps(each, indent=1) for each in report["disagreements"][:3]]
    lines += [f"{kind:<20}{count:>10}" for kind, count in report["kinds"].items()]
    lines += [f"  refused: {reason:<30}{count:>10}" for reason, count in report["refused"].items()]
    lines += [
        f"the defect that {name}: {f'seen within {pairs} pairs' if pairs else 'NOT SEEN'}"
        for name, pairs in report.get("defects", {}).items()
    ]
    if "fixtures" in report:
        fixtures = report["fixtures"]
        lines.append(f"Keystone's fixtures: {fixtures['pairs']} pairs, {len(fixtures['disagreements'])} disagreements")
    if "hunted" in report:
        lines.append(f"hypothesis: {report['hunted']} pairs, no disagreement")
    agreed = "agree" if not report["disagreements"] else f"DISAGREE {len(report['disagreements'])} times"
    return "\n".join([*lines, f"{report['pairs']} pairs in {report['seconds']} s: the engines {agreed}."])


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Keystone hands on sets of text in their own order; with one seed for both, even that must be the same.
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
    sys.exit(main())
