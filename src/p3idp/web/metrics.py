"""Numbers for Prometheus. Owns their names; labels are few and closed, never a person, a path or a project."""

import os
from contextlib import suppress

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

REQUESTS = Counter("p3idp_requests_total", "Requests answered.", ["method", "page", "status"])
SECONDS = Histogram(
    "p3idp_request_seconds",
    "Time to answer.",
    ["page"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
SIGN_INS = Counter("p3idp_sign_ins_total", "Sign-ins that came back from a provider.", ["provider", "outcome"])
REMEMBERED = Counter("p3idp_remembered_logins_total", "Logins that were to be remembered.", ["outcome"])
CONSENTS = Counter("p3idp_consents_total", "Consents to be asked about while away, in the browser.", ["outcome"])
_METHODS = {"GET", "HEAD", "POST", "OPTIONS"}


def count_request(method: str, page: str, status: int, seconds: float) -> None:
    """Count one answer; ``page`` is the rule that answered, never the path that was asked."""
    with suppress(OSError):  # workers share numbers through files; a full disk must not cost anybody an answer
        REQUESTS.labels(method if method in _METHODS else "other", page, f"{status // 100}xx").inc()
        SECONDS.labels(page).observe(seconds)


def count_remembered(outcome: str) -> None:
    """Count one login as ``kept`` or ``failed``."""
    with suppress(OSError):
        REMEMBERED.labels(outcome).inc()


def count_consent(outcome: str) -> None:
    """Count one consent as ``kept``, ``stopped``, or refused with an error's code."""
    with suppress(OSError):
        CONSENTS.labels(outcome).inc()


def exposition() -> bytes:
    """All numbers, of all workers, as text."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # untyped in prometheus_client
    return generate_latest(registry)
