"""Ask a broker what its person may use there (``GET /api/access``). Owns the answer as values on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.client.clouds import Cloud
from p3idp.client.http import Web
from p3idp.core.secret import Secret
from p3idp.errors.client import BrokerUnreachable
from p3idp.errors.login import ProviderUnreachable

_PATH = "/api/access"


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A rule that gives a project: its name, its community by name and title, and what of one's own it goes by."""

    name: str
    community: str
    title: str
    held: str


@dataclass(frozen=True, slots=True)
class OwnProject:
    """A project that one may use. ``policy_until``: the end by the policy alone; ``until``: the first end known, as
    things stand. ``reachable``: whether Keystone has it for one now; None where it could not be asked.
    """

    reference: str
    id: str
    roles: tuple[str, ...]
    rules: tuple[OwnRule, ...]
    until: datetime | None
    policy_until: datetime | None
    reachable: bool | None

    @property
    def communities(self) -> tuple[str, ...]:
        """Those that give it, each once."""
        return tuple(dict.fromkeys(rule.community for rule in self.rules))


@dataclass(frozen=True, slots=True)
class OwnAccess:
    """The whole answer. ``why_none``: the policy's reason where there is no project, else empty.

    ``differences``: project, roles that only the policy gives, roles that only Keystone has. ``problem``: the code of
    what keeps Keystone from being seen, else empty. ``lapses_at``: until when Keystone keeps what this login gave.
    """

    projects: tuple[OwnProject, ...]
    why_none: str
    differences: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
    problem: str
    lapses_at: datetime | None
    contact: str


def ask_broker(cloud: Cloud, token: Secret[str]) -> OwnAccess | None:
    """What the holder of this access token may use; None where the broker is too old to say.

    Raises BrokerRefused, BrokerUnreachable, SignInNeeded, or as Web does.
    """
    from p3idp.client.exchange import refusal  # with it comes requests: see http.py

    broker = cloud.broker.rstrip("/")
    try:
        answer = Web(cloud.verify).get(broker + _PATH, {"Authorization": f"Bearer {token.reveal()}"})
        body = None if answer.status == 404 else answer.json_object()
    except ProviderUnreachable as exc:
        raise BrokerUnreachable(f"The broker cannot be asked: {exc.detail}", hint="Try again in a moment.") from exc
    if body is None:
        return None
    if answer.status != 200:
        raise refusal(answer.status, body, broker)
    try:
        return _read(body)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise BrokerUnreachable(f"{broker} answered something that is no list of one's access.") from exc


def _read(body: Mapping[str, Any]) -> OwnAccess:
    explanation, keystone = body["explanation"] or {}, body["keystone"]
    return OwnAccess(
        projects=tuple(_project(each) for each in body["projects"]),
        why_none="" if body["projects"] else str(explanation["detail"]),
        differences=tuple(
            (str(each["project"]), _texts(each["only_policy"]), _texts(each["only_keystone"]))
            for each in body["differences"]
        ),
        problem=str(keystone["problem"] or ""),
        lapses_at=_moment(keystone["memberships_lapse"]),
        contact=str(body["site"]["contact"]),
    )


def _project(each: Mapping[str, Any]) -> OwnProject:
    return OwnProject(
        reference=str(each["project"]),
        id=str(each["id"] or ""),
        roles=_texts(each["roles"]),
        rules=tuple(
            OwnRule(str(rule["rule"]), str(rule["community"]), str(rule["title"]), str(rule["held"]))
            for rule in each["rules"]
        ),
        until=_moment(each["until"]),
        policy_until=_moment(each["policy_until"]),
        reachable=None if each["reachable"] is None else each["reachable"] is True,
    )


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _moment(value: Any) -> datetime | None:
    """Aware, as the broker writes them."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset")
    return moment
