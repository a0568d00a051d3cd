"""Counts attacks by the rows of the threat list: N tried, N refused, 0 let in, and good input that must still pass.

A plugin for pytest, so that a run over several processes is counted as one. A test names its rows,
``@pytest.mark.attack("R47", "R48")``, and either asks the fixture ``attack`` to try variants or, using none of it,
counts as one attack that was refused if the test passes. Good input: ``@pytest.mark.accept_control``.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from p3idp.errors import P3idpError

REQUIRED = [
    *(f"R{n:02}" for n in (*range(1, 8), *range(10, 23), *range(24, 37), 40, 41, 42, 45, *range(47, 55), 57)),
    *(f"X{n:02}" for n in (*range(1, 8), *range(10, 18), *range(19, 28), *range(29, 37))),
    *(f"D{n:02}" for n in (*range(1, 7), *range(9, 13))),
]
PROPERTY = "attack"
ATTACKS = Path(__file__).parents[1] / "attacks"


@dataclass(frozen=True)
class Try:
    """One attack (or, with row ``accept``, one good input) and what came of it."""

    row: str
    variant: str
    held: bool
    outcome: str
    let_in: bool = False


def word(error: BaseException) -> str:
    """The stable word of a refusal: its reason where it has one, else the error's code."""
    if not isinstance(error, P3idpError):
        return f"{type(error).__name__} (not an error of p3idp)"
    return str(getattr(error, "reason", error.code))


class Attack:
    """Tries variants of one test's rows, and remembers them on the test for the summary."""

    def __init__(self, node: pytest.Item) -> None:
        marker = node.get_closest_marker("attack")
        self._rows = tuple(marker.args) if marker else ()
        self._node = node

    def refused(self, variant: str, call: Callable[[], object], reason: str, row: str | None = None) -> None:
        """The call must raise an error of p3idp whose word is ``reason``: refused for the wrong reason is a failure."""
        let_in = False
        try:
            got = call()
        except Exception as exc:
            outcome = word(exc)
        else:
            outcome, let_in = f"LET IN: {type(got).__name__}", True
        self._record(variant, outcome == reason, outcome, row, let_in)
        assert outcome == reason, f"{row or self._rows}: {variant}: wanted {reason!r}, got {outcome!r}"

    def saw(self, variant: str, held: bool, outcome: str = "", row: str | None = None) -> None:
        """Record what a test asserted by its own means, for instance an HTTP status. Does not assert."""
        self._record(variant, held, outcome, row, let_in=not held)

    def _record(self, variant: str, held: bool, outcome: str, row: str | None, let_in: bool) -> None:
        for name in (row,) if row else self._rows:
            assert name in self._rows or name == "accept", f"{name} is not among the rows of this test"
            self._node.user_properties.append((PROPERTY, asdict(Try(name, variant, held, outcome, let_in))))

    def accepted(self, variant: str, call: Callable[[], object]) -> object:
        """The call must succeed: an accept-control."""
        try:
            value = call()
        except Exception as exc:
            self.saw(variant, False, word(exc), "accept")
            raise
        self.saw(variant, True, "accepted", "accept")
        return value


@pytest.fixture
def attack(request: pytest.FixtureRequest) -> Attack:
    """Try attacks and have them counted; see Attack."""
    return Attack(request.node)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "attack(*rows): this test attacks; the rows of the threat list that it tries")
    config.addinivalue_line("markers", "accept_control: this test shows that good input passes")
    config.pluginmanager.register(Summary(), "attack-summary")


class Summary:
    """Collects the tries of a run and prints the table; ``P3IDP_ATTACK_REPORT`` names a file to write it to."""

    def __init__(self) -> None:
        self.tries: list[Try] = []
        self.rows: set[str] = set()
        self.is_whole = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note the rows before anything is deselected, and whether every file of attacks was collected."""
        self.rows = {row for item in items for marker in item.iter_markers("attack") for row in marker.args}
        self.is_whole = set(ATTACKS.glob("test_*.py")) <= {item.path for item in items}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
        report = yield
        if report.when == "call":
            _count_whole_test(item, report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.tries += [Try(**value) for name, value in report.user_properties if name == PROPERTY]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.tries:
            return
        terminalreporter.section("attacks")
        attacks = [each for each in self.tries if each.row != "accept"]
        controls = [each for each in self.tries if each.row == "accept"]
        held, let_in = sum(each.held for each in attacks), sum(each.let_in for each in attacks)
        astray = len(attacks) - held - let_in
        terminalreporter.write_line(
            f"{len(attacks)} tried, {held} refused, {let_in} let in"
            + (f", {astray} REFUSED FOR ANOTHER REASON" if astray else "")
            + f"; {sum(each.held for each in controls)} of {len(controls)} accept-controls passed"
        )
        table = self.table()
        terminalreporter.write_line(
            "  ".join(f"{row}:{cell['refused']}/{cell['tried']}" for row, cell in table.items())
        )
        if path := os.environ.get("P3IDP_ATTACK_REPORT"):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(table, file, indent=1, sort_keys=True)

    def table(self) -> dict[str, dict[str, object]]:
        """By row: how many were tried and refused, and each variant's outcome."""
        by_row: dict[str, list[Try]] = defaultdict(list)
        for each in self.tries:
            by_row[each.row].append(each)
        return {
            row: {
                "tried": len(tries),
                "refused" if row != "accept" else "passed": sum(each.held for each in tries),
                "variants": {each.variant: each.outcome for each in tries},
            }
            for row, tries in sorted(by_row.items())
            if row != "accept"
        }


def _count_whole_test(item: pytest.Item, report: pytest.TestReport) -> None:
    recorded = {value["row"] for name, value in item.user_properties if name == PROPERTY}
    marked = {row for marker in item.iter_markers("attack") for row in marker.args}
    if item.get_closest_marker("accept_control") and "accept" not in recorded:
        marked.add("accept")
    for row in sorted(marked - recorded):
        if recorded - {"accept"} and report.passed:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} names the row {row} but never tried it"
        outcome = "the test passed" if report.passed else "the test failed"
        report.user_properties.append(
            (PROPERTY, asdict(Try(row, item.name, report.passed, outcome, not report.passed)))
        )
