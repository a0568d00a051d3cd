"""Replay beside what a site could do instead. Owns the replay's part of ``make bench``; nothing here is asserted.

Remembered logins against a draft of 1,000 rules, of which one in fifty gives another role than the policy in force.
People of ``communities`` carry the same few sets of five entitlements; with ``distinct`` no two logins have the same
set; ``many`` are sixty entitlements, distinct. ``replay`` is reading the file, deciding for both sides, comparing and
counting; ``command`` is `p3idp mapping replay` as a process, with interpreter and both policies loaded; ``cpu`` is
what of that the processor worked. Beside it, on a sample and extrapolated, both sides too: Keystone's own engine on
the compiled mappings, and decide() with its trace, neither of them reading or comparing anything. ``raw JSON``
replays the compiled mappings, one group in fifty renamed.
"""

import argparse
import gc
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from asked_keystone import AskedKeystone

from p3idp import wiring
from p3idp.core.mappings.assertion import assertion
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.policy.claims import given_claims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Policy
from p3idp.core.policy.replay_compare import Fate
from p3idp.lab.servers.keystone import VENV
from p3idp.ops.replay import replay
from p3idp.ops.replay_sides import RawMapping, make_sides

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ISSUER = "https://aai.egi.eu/auth/realms/egi"
RULES, COMMUNITIES, ELSEWHERE = 1_000, 100, 300
SITE = f"""\
policy: bench
title: A site
domain: egi
contact: support@example.org
identity_providers:
  egi:
    title: Check-in
    issuers: [{ISSUER}]
    claims: {{subject: voperson_id}}
    scopes: [openid]
    authorization_ttl: 8h
    issuing_clients: [p3idp]
"""


def write_policy(root: Path, *, draft: bool) -> Path:
    """A policy of 1,000 rules in a hundred files."""
    (root / "communities").mkdir(parents=True)
    (root / "site.yaml").write_text(SITE)
    each = RULES // COMMUNITIES
    for number in range(COMMUNITIES):
        lines = [f"title: C{number}", "contact: vo@example.org", f"projects: {{p{number}: {{}}}}", "access:"]
        for rule in range(number * each, (number + 1) * each):
            role = "reader" if draft and rule % 50 == 0 else "member"
            lines += [f"  - entitlement: {entitlement(rule)}", f"    projects: {{p{number}: [{role}]}}"]
        (root / "communities" / f"c{number}.yaml").write_text("\n".join(lines) + "\n")
    return root


def entitlement(number: int) -> str:
    """Membership of one of many communities."""
    return f"urn:mace:egi.eu:group:vo{number}.example.org:role=vm_operator#aai.egi.eu"


def people(kind: str, count: int) -> Iterator[dict[str, Any]]:
    """Claims as userinfo answers them."""
    dice = random.Random(kind)
    carried = 60 if kind == "many" else 5
    sets = [dice.sample(range(RULES + ELSEWHERE), carried) for _ in range(400)]
    for number in range(count):
        held = dice.choice(sets) if kind == "communities" else dice.sample(range(RULES + ELSEWHERE), carried)
        subject = f"{dice.getrandbits(256):064x}@egi.eu"
        yield {
            "sub": subject, "voperson_id": subject, "iss": ISSUER, "azp": "p3idp", "name": f"Person {number}",
            "given_name": "Person", "family_name": str(number), "email": f"p{number}@example.org",
            "eduperson_assurance": ["https://refeds.org/assurance", "https://aai.egi.eu/LoA#Substantial"],
            "entitlements": [entitlement(each) for each in held],
        }  # fmt: skip


def write_logins(file: Path, kind: str, count: int) -> Path:
    """Remembered logins as p3idp writes them."""
    at = NOW.isoformat()
    with file.open("w") as out:
        for number, claims in enumerate(people(kind, count)):
            line = {"claims": claims, "identity_provider": "egi", "at": at, "id": str(number)}
            out.write(json.dumps(line) + "\n")
    return file


def replayed(draft: Any, current: Any, file: Path) -> float:
    """Seconds from the first line to the last count."""
    sides = make_sides(draft, current, "egi", wiring.wire_search(), NOW)
    gc.disable()  # as the command does
    began = perf_counter()
    with file.open("rb") as lines:
        done = replay(sides, lines)
    totals, rules = done.comparison.totals(), done.comparison.rules()
    spent = perf_counter() - began
    gc.enable()
    assert done.is_complete
    assert totals[Fate.LOSES_AND_GAINS]
    assert rules
    return spent


def command(draft: Path, current: Path, file: Path) -> tuple[float, float, float]:
    """Seconds of the whole command as a process, of the processor and by the clock, and its peak of memory in MB."""
    code = "from p3idp.cli.main import run; run()"
    words = ["mapping", "replay", draft, "--against", current, "--logins", file, "--at", "2026-11-22"]
    began = perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    spent = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime, spent, used.ru_maxrss / 1024


def keystones(policies: list[Policy], sample: list[dict[str, Any]], seconds: float) -> float:
    """Seconds a login on Keystone's own engine, both sides."""
    spent = 0.0
    for policy in policies:
        mapping = compile_mapping(policy, policy.site.identity_providers[0], NOW)
        asked = {"rules": mapping.rules, "schema_version": mapping.schema_version}
        with AskedKeystone(VENV / "bin" / "python", "--time", str(seconds)) as keystone:
            spent += 1 / keystone.ask(asked | {"assertions": [assertion(claims) for claims in sample]})["per_second"]
    return spent


def decided(policies: list[Policy], sample: list[dict[str, Any]]) -> float:
    """Seconds a login by decide(), both sides."""
    began = perf_counter()
    for claims in sample:
        for policy in policies:
            decide(policy, given_claims(claims, policy.site, "egi"), NOW)
    return (perf_counter() - began) / len(sample)


def main() -> None:
    """Measure, print a table, write JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--logins", type=int, default=100_000)
    asked.add_argument("--sample", type=int, default=200)
    asked.add_argument("--seconds", type=float, default=1.0, help="a measurement of Keystone's engine")
    asked.add_argument("--json", type=Path, default=Path("build/bench-replay.json"))
    options = asked.parse_args()
    rows = []
    head = (
        "logins",
        "cpu s",
        "command s",
        "MB",
        "replay s",
        "logins/s",
        "decide() s",
        "Keystone s",
        "ratio",
        "raw JSON s",
    )
    print(f"{'1,000 rules':<13}" + "".join(f"{each:>11}" for each in head))
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        paths = [write_policy(root / "draft", draft=True), write_policy(root / "current", draft=False)]
        policies = [wiring.wire_policy_directory(path) for path in paths]
        mappings = [compile_mapping(each, each.site.identity_providers[0], NOW) for each in policies]
        raw = [RawMapping("m", list(each.rules), each.schema_version) for each in mappings]
        for number, rule in enumerate(raw[0].rules):
            if number // 2 % 50 == 0:  # one for each name of the entitlement claim
                rule["local"][0]["group"]["name"] += "-readers"
        for kind, count in (
            ("communities", options.logins),
            ("distinct", options.logins),
            ("many", options.logins // 10),
        ):
            file = write_logins(root / kind, kind, count)
            sample = list(people(kind, options.sample))
            cpu, whole, memory = command(*paths, file)
            seconds = replayed(*policies, file)
            theirs, ours = keystones(policies, sample, options.seconds) * count, decided(policies, sample) * count
            as_json = replayed(*raw, file)
            row = {
                "logins": count, "cpu": cpu, "command": whole, "megabytes": memory, "replay": seconds,
                "per_second": count / seconds, "decide": ours, "keystone": theirs, "ratio": theirs / seconds,
                "raw_json": as_json,
            }  # fmt: skip
            rows.append({"kind": kind, **row})
            figures = (f"{value:,.2f}" if value < 100 else f"{value:,.0f}" for value in row.values())
            print(f"{kind:<13}" + "".join(f"{each:>11}" for each in figures), flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
