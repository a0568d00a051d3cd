"""Both mapping engines, side by side in one run. Owns the first half of ``make bench``; nothing here is asserted.

Rules as a site has them: subject, issuer, issuing client, and one entitlement each, which is a literal, the pattern
that the policy compiles to, or an arbitrary unanchored pattern as imported mappings have. A login carries 5 or 60
entitlements, of which one or all meet a rule. ``seen`` is a login whose entitlements came before (people of a
community carry the same); ``new`` one whose never did: p3idp remembers what a text of entitlements selects, Keystone
nothing. Both engines get the same logins in the same order. Times are per evaluation and of the processor, since others
use this machine too; only p3idp's for imported patterns are by the clock on the wall, as they may wait for a worker.
"""

import argparse
import json
import random
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from asked_keystone import AskedKeystone

from p3idp import wiring
from p3idp.core.keystone_rules import CompiledRules, compile_rules
from p3idp.core.keystone_rules.reading import read_pattern
from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.lab.servers.keystone import VENV

KINDS = ("literal", "compiled", "imported")
SIZES = (22, 100, 1_000, 10_000)
LOGINS = ((5, 1), (5, 5), (60, 1), (60, 60))
PEOPLE = 40
Clock = Callable[[], float]


def entitlement(number: int) -> str:
    """Membership of one of many communities."""
    return f"urn:mace:egi.eu:group:vo{number}.example.org:role=vm_operator#aai.egi.eu"


def condition(kind: str, number: int) -> dict[str, Any]:
    """The requirement of one rule."""
    text = entitlement(number)
    if kind == "literal":
        return {"type": "OIDC-entitlements", "any_one_of": [text]}
    required = parse_entitlement(text)
    assert required is not None
    pattern = keystone_pattern(required) if kind == "compiled" else rf"vo{number}\.example\.org:role=.*operator"
    return {"type": "OIDC-entitlements", "any_one_of": [pattern], "regex": True}


def rules(kind: str, count: int) -> list[dict[str, Any]]:
    """As many rules, each for a group."""
    everyone = [
        {"type": "OIDC-sub"},
        {"type": "OIDC-iss", "any_one_of": ["https://aai.egi.eu/auth/realms/egi"]},
        {"type": "OIDC-azp", "any_one_of": ["p3idp"]},
    ]
    domain = {"name": "egi"}
    user = {"id": "{0}", "name": "{0}", "domain": domain}
    return [
        {
            "local": [{"user": user, "group": {"name": f"group-{number}", "domain": domain}}],
            "remote": [*everyone, condition(kind, number)],
        }
        for number in range(count)
    ]


def logins(count: int, carried: int, met: int) -> list[dict[str, str]]:
    """People who carry so many entitlements, of which so many meet a rule (where there are so many rules)."""
    dice = random.Random(count)
    people = []
    for person in range(PEOPLE):
        values = [entitlement(number) for number in dice.sample(range(count), min(met, count))]
        values += [entitlement(dice.randrange(10**6, 10**7)) for _ in range(carried - len(values))]
        dice.shuffle(values)
        people.append(
            {
                "OIDC-sub": f"person{person}@egi.eu",
                "OIDC-iss": "https://aai.egi.eu/auth/realms/egi",
                "OIDC-azp": "p3idp",
                "OIDC-email": "person@example.org",
                "OIDC-entitlements": ";".join(values),
            }
        )
    return people


def seen_again(compiled: CompiledRules, people: Sequence[dict[str, str]], seconds: float, clock: Clock) -> float:
    """Microseconds an evaluation, over and over."""
    return measured(compiled, lambda _: people, seconds, clock)


def never_seen(compiled: CompiledRules, people: Sequence[dict[str, str]], seconds: float, clock: Clock) -> float:
    """Microseconds an evaluation, with entitlements that no login had before."""

    def news(turn: int) -> list[dict[str, str]]:
        return [person | {"OIDC-entitlements": f"{person['OIDC-entitlements']};{turn}"} for person in people]

    return measured(compiled, news, seconds, clock)


def measured(
    compiled: CompiledRules, people_of: Callable[[int], Sequence[dict[str, str]]], seconds: float, clock: Clock
) -> float:
    """Microseconds an evaluation."""
    spent, done, turn = 0.0, 0, 0
    while spent < seconds:
        people = people_of(turn)
        began = clock()
        for person in people:
            compiled.evaluate(person)
        spent, done, turn = spent + clock() - began, done + len(people), turn + 1
    return spent / done * 1e6


def keystones(given: list[dict[str, Any]], people: list[dict[str, str]], seconds: float) -> float:
    """Microseconds an evaluation in Keystone's engine (its rules are not validated: that is not what is measured)."""
    with AskedKeystone(VENV / "bin" / "python", "--time", str(seconds)) as keystone:
        said = keystone.ask({"rules": given, "schema_version": "2.0", "assertions": people})
    return 1e6 / said["per_second"]


def compiling(kind: str, count: int) -> dict[str, float]:
    """Time and memory of compiling rules that were never read before."""
    given = rules(kind, count)
    read_pattern.cache_clear()
    began = perf_counter()
    compile_rules(given, "2.0", wiring.wire_search())
    seconds = perf_counter() - began
    read_pattern.cache_clear()
    tracemalloc.start()
    kept = compile_rules(given, "2.0", wiring.wire_search())
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept.rules
    return {"seconds": round(seconds, 2), "megabytes": round(memory / 1e6, 1)}


def main() -> None:
    """Measure, print a table, write JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=0.3, help="a measurement")
    asked.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    asked.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    asked.add_argument("--json", type=Path, default=Path("build/bench-engines.json"))
    options = asked.parse_args()
    rows = []
    print(
        f"{'rules':<18}{'carried':>8}{'met':>5}{'Keystone µs':>14}{'seen µs':>10}{'ratio':>8}{'new µs':>10}{'ratio':>8}"
    )
    for kind in options.kinds:
        for count in options.sizes:
            given = rules(kind, count)
            compiled = compile_rules(given, "2.0", wiring.wire_search())
            for carried, met in LOGINS:
                people = logins(count, carried, met)
                theirs = keystones(given, people, options.seconds)
                clock = perf_counter if kind == "imported" else process_time
                seen = seen_again(compiled, people, options.seconds, clock)
                new = never_seen(compiled, people, options.seconds, clock)
                rows.append({"kind": kind, "rules": count, "carried": carried, "met": met, "keystone_us": theirs,
                             "seen_us": seen, "new_us": new})  # fmt: skip
                print(
                    f"{count:>6} {kind:<11}{carried:>8}{met:>5}{theirs:>14.0f}"
                    f"{seen:>10.1f}{theirs / seen:>8.0f}{new:>10.1f}{theirs / new:>8.0f}",
                    flush=True,
                )
    compiled_at = {kind: compiling(kind, max(options.sizes)) for kind in options.kinds}
    for kind, cost in compiled_at.items():
        print(f"compiling {max(options.sizes)} {kind} rules: {cost['seconds']} s, {cost['megabytes']} MB")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"evaluations": rows, "compiling": compiled_at}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
