"""How many exchanges a second there are, with more and more at once, and who is busy. Owns this part of ``make bench``.

For each number of clients, in turns: exchanges through the broker, and the same calls made directly. Each client has
an access token that the broker has heard of within the minute, so Check-in is asked on neither side. Whose processor
time it is tells where the limit lies. Nothing is asserted.
"""

import argparse
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, perf_counter

import httpx
from bench_broker import broker
from direct_exchange import Administrator, DirectExchange
from exchange import Times, bench_lab, times
from exchange_world import a_form
from processor_time import ProcessorTime

from p3idp.lab.handle import LabHandle

LIFE = timedelta(minutes=30)
CLIENTS = (1, 2, 4, 8, 16)


@dataclass
class Load:
    """What so many clients got done. ``busy``: cores in use, by server."""

    clients: int
    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    failed: int = 0
    busy: dict[str, float] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return round(len(self.milliseconds) / self.seconds, 2)

    def as_json(self) -> dict[str, object]:
        took: Times = times(self.milliseconds)
        return {"per_second": self.per_second, "milliseconds": asdict(took), "failed": self.failed, "busy": self.busy}


class Capacity:
    """Both sides at one lab and one broker."""

    def __init__(self, lab: LabHandle, url: str, process: int, seconds: float) -> None:
        self.lab, self.url, self.seconds = lab, url, seconds
        self.spent = ProcessorTime(lab, process)
        self.administrator = Administrator(lab)
        control = lab.control()
        before = control.access_token_life(int(LIFE.total_seconds()))
        self.tokens = [lab.token("alice") for _ in range(max(CLIENTS))]
        control.access_token_life(before)
        self.end = datetime.now(UTC) + LIFE - timedelta(minutes=1)
        self.user = DirectExchange(lab).exchange(self.tokens[0], end=None).user

    def measure(self, clients: int) -> dict[str, object]:
        """Through the broker and directly, with so many at once; the broker's memory is filled beforehand."""
        self._load(clients, self._through_broker(), seconds=1)
        broker_load = self._load(clients, self._through_broker(), seconds=self.seconds)
        direct_load = self._load(clients, self._directly(), seconds=self.seconds)
        self.administrator.forget_credentials(self.user)
        found = {"clients": clients, "broker": broker_load.as_json(), "direct": direct_load.as_json()}
        return found | {"ratio": round(direct_load.per_second / broker_load.per_second, 2)}

    def _through_broker(self) -> Callable[[], Callable[[str], object]]:
        def client() -> Callable[[str], object]:
            http = httpx.Client(base_url=self.url, verify=self.lab.tls, trust_env=False, timeout=60)
            return lambda token: http.post("/oauth/token", data=dict(a_form(token))).raise_for_status()

        return client

    def _directly(self) -> Callable[[], Callable[[str], object]]:
        def client() -> Callable[[str], object]:
            direct = DirectExchange(self.lab)
            return lambda token: direct.exchange(token, end=self.end, ask=False)

        return client

    def _load(self, clients: int, client: Callable[[], Callable[[str], object]], *, seconds: float) -> Load:
        load, prepared = Load(clients), [client() for _ in range(clients)]
        before, began = self.spent.read(), perf_counter()
        until = monotonic() + seconds
        threads = [
            threading.Thread(target=_work, args=(run, token, until, load))
            for run, token in zip(prepared, self.tokens, strict=False)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        load.seconds = perf_counter() - began
        after = self.spent.read()
        load.busy = {name: round((after[name] - before[name]) / load.seconds, 2) for name in before}
        return load


def _work(run: Callable[[str], object], token: str, until: float, load: Load) -> None:
    while monotonic() < until:
        began = perf_counter()
        try:
            run(token)
            load.milliseconds.append((perf_counter() - began) * 1000)
        except httpx.HTTPError:
            load.failed += 1


def show(rows: Sequence[dict[str, object]]) -> None:
    """A table: rates, and the cores that Keystone and the broker kept busy."""
    head = ("at once", "broker/s", "direct/s", "ratio", "failed", "Keystone's cores", "broker's", "Check-in's")
    print("".join(f"{word:>18}" for word in head))
    for row in rows:
        ours, theirs = row["broker"], row["direct"]
        assert isinstance(ours, dict)
        assert isinstance(theirs, dict)
        busy, beside = ours["busy"], theirs["busy"]
        cells = (
            row["clients"], ours["per_second"], theirs["per_second"], row["ratio"],
            f"{ours['failed']} / {theirs['failed']}", f"{busy['keystone']} / {beside['keystone']}",
            busy["broker"], busy["checkin"],
        )  # fmt: skip
        print("".join(f"{cell!s:>18}" for cell in cells))
    print("x / y: through the broker / directly")


def main() -> None:
    """Measure, print a table, write JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=8, help="of each load")
    asked.add_argument("--lab", type=Path, help="a lab that runs and has its policy, instead of one of its own")
    asked.add_argument("--json", type=Path, default=Path("build/bench-capacity.json"))
    options = asked.parse_args()
    with bench_lab(options.lab) as lab, broker(lab) as (url, process):
        capacity = Capacity(lab, url, process, options.seconds)
        rows = [capacity.measure(clients) for clients in CLIENTS]
    show(rows)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
