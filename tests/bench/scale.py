"""What plan and apply cost at the size of a large site. Owns the measurement of ``make scale``, small in ``bench``.

In one run on one lab, in turns where two things are compared: an empty plan beside the very list calls it made; a plan
with ten changes, with what it does to people by remembered logins and without any; the first apply beside a bare loop
of its writes (scale_apply); an apply of ten changes, drift, the size of the history, memory; and one federated login
through Apache, since Keystone walks through every rule. Nothing here is asserted: machines differ.
"""

import argparse
import gc
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from scale_apply import first_apply, p3idp_fills
from scale_calls import Calls
from scale_rows import write_rows
from scale_site import Say, ScaleSite, Size, open_site
from scale_users import ScaleUsers
from sqlalchemy import text

from p3idp import wiring
from p3idp.adapters.store.engine import open_store
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.size import at_rest
from p3idp.errors.access import ApplyIncomplete
from p3idp.lab import running
from p3idp.ops.drift import find_drift
from p3idp.settings import Settings

Figures = dict[str, Any]


class Scale:
    """The measurements on one site."""

    def __init__(self, site: ScaleSite, rounds: int, say: Say) -> None:
        self.site, self.rounds, self.say = site, rounds, say
        self.users = ScaleUsers(site, say)
        self.drafts = site.lab.layout.state / "drafts"

    def measure(self) -> Figures:
        """Everything, in the order in which nothing disturbs what comes after."""
        parts: list[tuple[str, Callable[[], Figures]]] = [
            ("empty plan", self.empty_plan),
            ("command", self.command),
            ("ten changes", self.ten_changes),
            ("login", self.login),
            ("apply of ten changes", self.apply_ten),
        ]
        found: Figures = {"mapping": self.mapping()}
        for name, part in parts:
            found[name] = part()
            self.say(f"{name}: {json.dumps(found[name])}")
        return found

    def mapping(self) -> Figures:
        """The compiled mapping."""
        policy = wiring.wire_policy(self.site.settings)
        rules = compile_mapping(policy, policy.site.identity_providers[0], wiring.now()).rules
        return {"rules": len(rules), "kib_at_rest": at_rest(rules) // 1024}

    def empty_plan(self) -> Figures:
        """Beside its own list calls, over a session of the same kind whose account is signed in as well.

        One after the other as in a script, and two at once, which a script that knew all addresses beforehand could do.
        """
        access, session = wiring.wire_access(self.site.settings), self.site.session()
        with Calls() as calls:
            assert not access.plan(wiring.now()).changes
        lists = [url for method, url in calls.asked if method == "GET"]
        session.get_token()

        def bare(at_once: int) -> Callable[[], object]:
            pool = ThreadPoolExecutor(at_once)
            return lambda: [*pool.map(lambda url: session.get(url).json(), lists)]

        times = self._in_turns(lambda: access.plan(wiring.now()), bare(1), bare(2))
        policy = timed(lambda: wiring.wire_policy(self.site.settings))
        return {
            "calls": calls.total, "by_name": dict(calls.by_name), "seconds": times[0], "lists_alone": times[1],
            "lists_two_at_once": times[2], "ratio": round(times[0] / min(times[1:]), 2),
            "reading_the_policy_alone": policy,
        }  # fmt: skip

    def command(self) -> Figures:
        """`p3idp plan` as a process: seconds, and its peak of memory."""
        spent, peak = command("plan", self.site.lab.settings_path)
        return {"seconds": spent, "peak_mb": peak}

    def ten_changes(self) -> Figures:
        """With everybody's remembered login, with none of them, and without looking at people at all."""
        draft = self.draft("ten")
        remembering = self.site.with_policy(draft)
        forgetful = remembering.model_copy(update={"logins": remembering.logins.model_copy(update={"key": None})})
        found = {"without people": self._planned(remembering, people=False)}
        return found | {
            "everybody remembered": self._planned(remembering), "nobody remembered": self._planned(forgetful)
        }  # fmt: skip

    def _planned(self, settings: Settings, *, people: bool = True) -> Figures:
        access = wiring.wire_access(settings)
        access.reader.read(wiring.wire_policy(settings).site.domain)  # signed in, as everywhere here
        with Calls() as calls:
            times, planned = [], None
            for _ in range(max(1, self.rounds // 2)):
                began = perf_counter()
                planned = access.plan(wiring.now()) if people else access.planned(wiring.now()).plan
                times.append(perf_counter() - began)
        assert planned is not None
        said = planned.people.as_json()["coverage"] if planned.people else {}
        touched = len(planned.people.people) if planned.people else 0
        seconds = round(statistics.median(times), 2)
        return {
            "changes": len(planned.changes), "calls": calls.total // len(times), "seconds": seconds,
            "people": touched, "coverage": said,
        }  # fmt: skip

    def login(self) -> Figures:
        """Somebody signs in again: the part at Keystone, which looks at every rule of the mapping."""
        times = [self.users.sign_in(1)[1] for _ in range(self.rounds * 2)]
        return {"milliseconds": round(statistics.median(times) * 1000)}

    def apply_ten(self) -> Figures:
        """There and back again; then drift and what the history holds."""
        settings = self.site.with_policy(self.draft("ten"))
        there, back = (self._applied(each) for each in (settings, self.site.settings))
        access, ledger = wiring.wire_access(self.site.settings), wiring.wire_ledger(self.site.settings)
        drift = timed(lambda: find_drift(access.planned(wiring.now()), ledger))
        kept = self._history_bytes()
        return {"there": there, "back": back, "drift_seconds": drift, "kib_of_history_an_apply": kept // 1024}

    def _applied(self, settings: Settings) -> Figures:
        access = wiring.wire_access(settings)
        plan = access.plan(wiring.now())
        names = sorted({finding.name for finding in plan.findings if finding.blocking})
        with Calls() as calls:
            began = perf_counter()
            try:
                done = len(access.apply(wiring.now(), plan.digest, names).results)
            except ApplyIncomplete as exc:
                self.say(f"the apply was not complete: {exc.detail}")
                done = 0
            spent = perf_counter() - began
        return {"done": done, "calls": calls.total, "seconds": round(spent, 2)}

    def _history_bytes(self) -> int:
        engine = open_store(*wiring.access.database(self.site.settings))
        with engine.connect() as connection:
            row = connection.execute(text('SELECT avg(length(begun) + length("left")) FROM access_history')).scalar()
        return int(row or 0)

    def draft(self, name: str) -> Path:
        """A copy of the policy with ten changes: four grants more, three less, and a rule that goes with its group."""
        place = self.drafts / name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.site.policy_dir, place)
        texts = {file: file.read_text(encoding="utf-8") for file in sorted((place / "communities").glob("*.yaml"))}
        files = [file for file, said in texts.items() if "shared-" not in said]
        for number, (file, change) in enumerate(zip(files, changes(), strict=False)):
            after = change(texts[file])
            assert after != texts[file], number
            file.write_text(after, encoding="utf-8")
        return place

    def _in_turns(self, *steps: Callable[[], object]) -> list[float]:
        """Median seconds of each; the order changes every time."""
        times: list[list[float]] = [[] for _ in steps]
        for turn in range(self.rounds + 1):
            order = list(enumerate(steps))
            for at, step in order if turn % 2 else reversed(order):
                spent = timed(step)
                if turn:
                    times[at].append(spent)
        return [round(statistics.median(each), 3) for each in times]


def changes() -> Iterator[Callable[[str], str]]:
    """What becomes of one community's file each, so that ten objects change."""
    for _ in range(4):
        yield lambda text: text.replace(": [reader]\n", ": [reader, member]\n", 1)
    for _ in range(3):
        yield lambda text: text.replace(", heat_stack_owner", "")
    # Its grant, its group and the mapping.
    rule = r"  - entitlement: \S+:role=member#\S+\n    projects:\n.*\n"
    yield lambda text: re.sub(rule, "", text).replace(", reader]", "]")


def timed(step: Callable[[], object]) -> float:
    """Seconds."""
    began = perf_counter()
    step()
    return round(perf_counter() - began, 3)


def command(name: str, settings: Path) -> tuple[float, int]:
    """Seconds of a whole command, and its peak of memory in MB."""
    code = "from p3idp.cli.main import run; run()"
    began = perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, name, "--settings", str(settings)], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    spent = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, process.returncode
    return round(spent, 2), used.ru_maxrss // 1024


@contextmanager
def kept_site(directory: Path | None, size: Size, say: Say) -> Iterator[ScaleSite]:
    """The lab in a directory that is kept, else in one that goes with this run."""
    with tempfile.TemporaryDirectory(prefix="p3idp-scale-") as passing:
        site = open_site(directory or Path(passing), size, say)
        try:
            yield site
        finally:
            running.down(site.lab.layout)


def built(site: ScaleSite, say: Say, *, rows: bool) -> Figures:
    """Make what is not there yet: objects by apply, users, remembered logins. Then check that it is whole."""
    access = wiring.wire_access(site.settings)
    waiting = len(access.planned(wiring.now()).plan.changes)
    if waiting and rows:
        write_rows(site, say)
        waiting = len(access.planned(wiring.now()).plan.changes)
    figures: Figures = {"waiting": waiting}
    if waiting:
        say(f"apply of {waiting:,} objects …")
        rate, calls, done = p3idp_fills(site, site.policy_dir)
        figures |= {"objects": done, "per_second": round(rate, 1), "calls_per_object": round(calls / done, 2)}
        say(f"applied: {json.dumps(figures)}")
    users = ScaleUsers(site, say)
    users.fill()
    users.remember()
    wrong = [*users.check_copies()]
    if users.count() != site.size.users:
        wrong.append(f"Keystone has {users.count():,} users")
    if wrong:
        raise SystemExit("The site is not whole: " + "; ".join(wrong))
    return figures


def main() -> None:
    """Build, measure, write JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--communities", type=int, default=40)
    asked.add_argument("--users", type=int, default=400)
    asked.add_argument("--sign-ins", type=int, default=10)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument(
        "--first-apply", type=int, default=4, help="communities of the pair with a bare loop; 0: no pair"
    )
    asked.add_argument("--rows", action="store_true", help="write most objects as rows instead of by p3idp apply")
    asked.add_argument("--keep", type=Path, help="keep the lab's state in this directory, and go on from there")
    asked.add_argument("--json", type=Path, default=Path("build/scale.json"))
    options = asked.parse_args()
    began, size = perf_counter(), Size(options.communities, options.users, options.sign_ins)

    def say(line: str) -> None:
        print(f"[{perf_counter() - began:6.0f} s] {line}", file=sys.stderr, flush=True)

    gc.set_threshold(100_000, 50, 50)  # as the command line does
    found: Figures = {"size": asdict(size)}
    if options.first_apply:
        found["first apply"] = _beside_a_loop(options.first_apply, options.rounds, say)
    with kept_site(options.keep, size, say) as site:
        found["built"] = built(site, say, rows=options.rows)
        found |= Scale(site, options.rounds, say).measure()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    show(size, found)


def _beside_a_loop(communities: int, rounds: int, say: Say) -> Figures:
    with tempfile.TemporaryDirectory(prefix="p3idp-scale-") as directory:
        place = Path(directory)
        with kept_site(place / "empty", Size(1, 2, 1), lambda line: None) as empty:
            found = asdict(first_apply(empty, communities, rounds, place, say))
    say(f"first apply: {json.dumps(found)}")
    return found


def show(size: Size, found: Figures) -> None:
    """The figures that have a goal, and those that people ask for."""
    first, empty, ten = found.get("first apply"), found["empty plan"], found["ten changes"]
    print(f"{size}; one mapping of {found['mapping']['rules']:,} rules, {found['mapping']['kib_at_rest']:,} KiB")
    print(f"empty plan: {empty['calls']} calls, {empty['seconds']} s; {empty['ratio']} times its lists, "
          "asked for one or two at once, whichever is quicker (goal 1.3)")  # fmt: skip
    for name, each in ten.items():
        print(f"ten changes, {name}: {each['calls']} calls, {each['seconds']} s, {each['people']} people touched")
    if first:
        told = f"{first['calls_per_object']} calls an object, {first['p3idp_per_second']} objects a second"
        loop = f"a bare loop of {first['bare_workers']} threads {first['bare_per_second']}"
        print(f"first apply: {told}; {loop}; ratio {first['ratio']} (goal 1.15)")
    print(f"apply of ten changes: {found['apply of ten changes']['there']['seconds']} s; "
          f"drift {found['apply of ten changes']['drift_seconds']} s; one login {found['login']['milliseconds']} ms; "
          f"the command plan {found['command']['seconds']} s and {found['command']['peak_mb']} MB")  # fmt: skip


if __name__ == "__main__":
    main()
