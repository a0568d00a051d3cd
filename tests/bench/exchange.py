"""What an exchange at the broker costs beside the same calls made directly. Owns these pairs of ``make bench``.

Both sides are measured in turns on one lab in one run, each with a fresh access token or both with one that was shown
before, over connections that are kept. The direct side makes exactly the calls that the broker makes; that is checked
before anything is measured. What counts is the ratio: nothing here is asserted of times, since machines differ.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import httpx
from bench_broker import broker
from direct_exchange import Administrator, DirectExchange, calls_made
from exchange_world import a_form

from p3idp import wiring
from p3idp.lab.demo import apply_policy
from p3idp.lab.handle import LabHandle, temporary_lab
from p3idp.lab.layout import open_layout
from p3idp.ops.logins import remember_nothing

SHORT, LONG = timedelta(minutes=20), timedelta(hours=3)  # Keystone's own tokens live for an hour
Side = Callable[[str], None]


@dataclass(frozen=True)
class Times:
    """Milliseconds of one side."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Pair:
    """One exchange through the broker and made directly. ``ratios``: p50 and p95 of the one over those of the other.

    ``without_introspection``: the same, with what Check-in's answer took left out on the direct side, as a client
    would leave it out that believes its own token.
    """

    name: str
    calls: Sequence[str]
    broker: Times
    direct: Times
    ratios: Times
    without_introspection: Times | None
    rounds: int


class Exchanges:
    """The pairs at one lab and one broker."""

    def __init__(self, lab: LabHandle, url: str, rounds: int) -> None:
        self.lab, self.rounds = lab, rounds
        self.direct, self.administrator = DirectExchange(lab), Administrator(lab)
        self.http = httpx.Client(base_url=url, verify=lab.tls, trust_env=False, timeout=60)

    def pairs(self) -> Iterator[Pair]:
        """Ended with its source is what most exchanges are: a Check-in token lives an hour at most."""
        yield self._fresh("ended with its source", SHORT)
        yield self._fresh("Keystone's token ends first", LONG)
        yield self._again("ended with its source, asked again within a minute", SHORT)

    def _fresh(self, name: str, life: timedelta) -> Pair:
        """Every exchange with a token that nobody has seen yet."""
        tokens = self._tokens(life, 2 * (self.rounds + 1) + 3)
        return self._pair(name, life, tokens.pop, ask=True)

    def _again(self, name: str, life: timedelta) -> Pair:
        """Check-in's answer is remembered at the broker, and the direct side does not ask either."""
        (token,) = self._tokens(life, 1)
        return self._pair(name, life, lambda: token, ask=False)

    def _pair(self, name: str, life: timedelta, source: Callable[[], str], *, ask: bool) -> Pair:
        end = datetime.now(UTC) + life if life < timedelta(hours=1) else None
        calls = self._same_calls(source, end, ask=ask)
        asked: list[float] = []

        def directly(token: str) -> None:
            asked.append(self.direct.exchange(token, end=end, ask=ask).introspection * 1000)

        ours, theirs = in_turns(self.rounds, source, self._through_broker, directly)
        rest = [whole - part for whole, part in zip(theirs, asked[1:], strict=True)]
        broker_times, direct_times = times(ours), times(theirs)
        return Pair(
            name, calls, broker_times, direct_times, over(broker_times, direct_times),
            over(broker_times, times(rest)) if ask else None, self.rounds,
        )  # fmt: skip

    def _through_broker(self, token: str) -> None:
        self.http.post("/oauth/token", data=dict(a_form(token))).raise_for_status()

    def _same_calls(self, source: Callable[[], str], end: datetime | None, *, ask: bool) -> list[str]:
        """The calls, the same on both sides. The broker's are counted in this process, where they can be seen."""
        exchange = wiring.wire_exchange(self.lab.settings, wiring.wire_policy(self.lab.settings), remember_nothing)
        exchange.exchange(a_form(source()))  # asks for metadata and keys, and tidies up: once in ten minutes
        with calls_made() as ours:
            exchange.exchange(a_form(source()))
        with calls_made() as theirs:
            made = self.direct.exchange(source(), end=end, ask=ask)
        if not ask and ours[0].endswith("/introspect"):
            del ours[0]  # the lab's own settings forget sooner than those of the broker that is measured
        assert ours == theirs, (ours, theirs)
        self.administrator.forget_credentials(made.user)
        return ours

    def _tokens(self, life: timedelta, number: int) -> list[str]:
        control = self.lab.control()
        before = control.access_token_life(int(life.total_seconds()))
        try:
            return [self.lab.token("alice") for _ in range(number)]
        finally:
            control.access_token_life(before)


def in_turns(rounds: int, source: Callable[[], str], *sides: Side) -> list[list[float]]:
    """Milliseconds of each side. The order changes each round; the first one warms up and does not count."""
    found: list[list[float]] = [[] for _ in sides]
    for turn in range(rounds + 1):
        order = list(enumerate(sides))
        for at, side in order if turn % 2 else reversed(order):
            token = source()
            began = perf_counter()
            side(token)
            if turn:
                found[at].append((perf_counter() - began) * 1000)
    return found


def times(milliseconds: Sequence[float]) -> Times:
    """p50 and p95."""
    p95 = statistics.quantiles(milliseconds, n=20, method="inclusive")[-1]
    return Times(round(statistics.median(milliseconds), 1), round(p95, 1))


def over(ours: Times, theirs: Times) -> Times:
    """The ratios."""
    return Times(round(ours.p50 / theirs.p50, 2), round(ours.p95 / theirs.p95, 2))


@contextmanager
def bench_lab(directory: Path | None) -> Iterator[LabHandle]:
    """A lab of its own, with its policy applied; or one that runs, in this directory, which is left as it is."""
    if directory:
        yield LabHandle(open_layout(directory))
        return
    with tempfile.TemporaryDirectory(prefix="p3idp-bench-") as place, temporary_lab(Path(place)) as lab:
        apply_policy(lab.layout)
        yield lab


def main() -> None:
    """Measure, print a table, write JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=40)
    asked.add_argument("--lab", type=Path, help="a lab that runs and has its policy, instead of one of its own")
    asked.add_argument("--json", type=Path, default=Path("build/bench-exchange.json"))
    options = asked.parse_args()
    with bench_lab(options.lab) as lab, broker(lab) as (url, _):
        pairs = list(Exchanges(lab, url, options.rounds).pairs())
    print(f"{f'exchange, {options.rounds} rounds in turns':<52}{'broker ms':>16}{'direct ms':>16}{'ratio':>12}")
    for pair in pairs:
        columns = "".join(f"{f'{each.p50:g} / {each.p95:g}':>{width}}"
                          for each, width in ((pair.broker, 16), (pair.direct, 16), (pair.ratios, 12)))  # fmt: skip
        print(f"{pair.name:<52}{columns}")
        if pair.without_introspection:
            alone = f"{pair.without_introspection.p50:g} / {pair.without_introspection.p95:g}"
            print(f"{'  beside a client that does not introspect':<52}{alone:>44}")
    print("p50 / p95; goal: a ratio of 1.15 at most")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps([asdict(pair) for pair in pairs], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
