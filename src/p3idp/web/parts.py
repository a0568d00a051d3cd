"""What the pages need, in one value: handed to the application when it is built, read by the pages when they answer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from p3idp.core.secret import Secret
from p3idp.ops.consent import ConsentDesk
from p3idp.ops.health import Readiness
from p3idp.ops.login import SignInDesk
from p3idp.ports.environment import Clock
from p3idp.ports.sessions import Seal


def _count_nothing(_address: str) -> None:
    """Where nothing is limited."""


@dataclass(frozen=True, slots=True)
class WebParts:
    """Everything behind the door. ``base_url`` is the only source of this service's own address.

    ``metrics_token``: what a reader of /metrics must present; without it the page is closed. ``consent``: where people
    consent to be asked about while away; None where that is not offered. ``count_sign_in``: raises
    TooMany where this address (ports.request) begins or ends too many sign-ins.
    """

    base_url: str
    desk: SignInDesk
    attempts: Seal
    readiness: Readiness
    clock: Clock
    new_request_id: Callable[[], str]
    templates: Path
    metrics_token: Secret[str] | None = None
    consent: ConsentDesk | None = None
    count_sign_in: Callable[[str], None] = _count_nothing


EXTENSION = "p3idp"


def parts() -> WebParts:
    """The parts of the application that answers this request."""
    found = current_app.extensions[EXTENSION]
    if not isinstance(found, WebParts):
        raise TypeError("the application was built without its parts")
    return found
