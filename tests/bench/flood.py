"""What a flood of bad tokens from one address does to good people (row X32). Owns that measurement.

``PYTHONPATH=tests/kit python tests/bench/flood.py [--lab DIR] [--seconds N]``: good exchanges, first alone, then beside
1,000 forged tokens a second from another address; p50 and p95 of both. Nothing is asserted.
"""

import argparse
import json
import multiprocessing
import ssl
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
from bench_broker import broker
from exchange import bench_lab
from exchange_world import a_form
from flooding import Flood

PER_SECOND, SENDERS = 1000, 4


def _send(url: str, ca_file: str, forged: str, seconds: float, told) -> None:  # type: ignore[no-untyped-def]
    flood = Flood(url, ssl.create_default_context(cafile=ca_file), lambda number: f"{forged}{number}")
    each = int(PER_SECOND * seconds / SENDERS)
    with flood.running(each // 2, pace=SENDERS * 2 / PER_SECOND):
        pass
    told.put((dict(flood.statuses), flood.per_second))


@contextmanager
def flooded(url: str, ca_file: Path, forged: str, seconds: float):  # type: ignore[no-untyped-def]
    """Two processes of their own, so that what is measured does not share a thread with the noise."""
    told = multiprocessing.Queue()
    senders = [multiprocessing.Process(target=_send, args=(url, str(ca_file), forged, seconds, told)) for _ in range(2)]
    for sender in senders:
        sender.start()
    found: dict[str, object] = {}
    try:
        yield found
    finally:
        answers = [told.get(timeout=120) for _ in senders]
        for sender in senders:
            sender.join()
        found["statuses"] = {str(status): sum(each.get(status, 0) for each, _ in answers) for status in (400, 429)}
        found["per_second"] = round(sum(rate for _, rate in answers))


def good(client: httpx.Client, token: str, seconds: float) -> list[float]:
    """Milliseconds of each good exchange, one after another for so long."""
    taken = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        client.post("/oauth/token", data=dict(a_form(token))).raise_for_status()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def summary(taken: list[float]) -> dict[str, float]:
    return {
        "p50": round(statistics.median(taken), 1),
        "p95": round(statistics.quantiles(taken, n=20)[-1], 1),
        "exchanges": len(taken),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lab", type=Path, help="a running lab's directory; without it one is started")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with bench_lab(options.lab) as lab, broker(lab, per_minute=600) as (url, _):
        token = lab.token("alice")
        with httpx.Client(base_url=url, verify=lab.tls, trust_env=False, timeout=60) as client:
            good(client, token, 2)
            alone = summary(good(client, token, options.seconds))
            with flooded(url, lab.ca_file, token[:-9] + "AAAAAAAAA", options.seconds) as noise:
                beside = summary(good(client, token, options.seconds))
        ratio = {name: round(beside[name] / alone[name], 2) for name in ("p50", "p95")}
        print(json.dumps({"alone": alone, "beside the flood": beside, "ratio": ratio, "flood": noise}, indent=1))


if __name__ == "__main__":
    main()
