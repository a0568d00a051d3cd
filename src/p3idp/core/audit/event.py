"""What the ledger holds of one happening, in CADF's words (DMTF DSP0262), and its one canonical form.

Owns the event and its text; the chain of records is chain.py. Nothing here holds a token or a secret: callers
name people and things, never credentials.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
CADF_EVENT = "http://schemas.dmtf.org/cloud/audit/1.0/event"


class Outcome(StrEnum):
    """CADF outcomes (DSP0262 section 6.2.9). ``PENDING`` opens something that another record must close."""

    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: ``id`` as the authority named in ``kind`` knows them (a subject at a provider, a Keystone user)."""

    kind: str
    id: str
    name: str = ""


def person(subject: str, issuer: str) -> Actor:
    """A person as an identity provider knows them."""
    return Actor("data/security/account/user", f"{subject}@{issuer}")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One happening: who did what to which thing, when, and how it ended.

    ``action``: CADF's taxonomy with our subject after it, e.g. ``authenticate/login``, ``update/access``.
    ``target``: (kind, id). ``reason``: a stable code where something was refused. ``about``: the id of the record
    that this one closes (an outcome names its intent). ``details``: plain JSON without floats.
    """

    action: str
    outcome: Outcome
    actor: Actor
    target: tuple[str, str]
    at: datetime
    request_id: str = ""
    reason: str = ""
    about: str = ""
    details: Mapping[str, Json] = field(default_factory=dict)


def canonical(value: Json) -> str:
    """One text for one value: keys sorted, no spaces, UTF-8 as it is. Floats are refused: they have several texts."""
    _refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("a ledger record holds no floating-point numbers")
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for child in children:
        _refuse_floats(child)


def as_cadf(event: AuditEvent, record_id: str, observer: str) -> str:
    """The event as canonical CADF JSON. ``record_id`` and ``observer`` come from the ledger that keeps it."""
    kind, target = event.target
    body: dict[str, Json] = {
        "typeURI": CADF_EVENT,
        "id": record_id,
        "eventType": "activity",
        "eventTime": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "action": event.action,
        "outcome": event.outcome.value,
        "initiator": {"typeURI": event.actor.kind, "id": event.actor.id, "name": event.actor.name},
        "target": {"typeURI": kind, "id": target},
        "observer": {"typeURI": "service/security/p3idp", "id": observer},
        "requestId": event.request_id,
        "about": event.about,
    }
    if event.reason:
        body["reason"] = {"reasonType": "https://p3idp/errors", "reasonCode": event.reason}
    if event.details:
        body["attachments"] = [{"name": "details", "contentType": "application/json", "content": event.details}]
    return canonical(body)
