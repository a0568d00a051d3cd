"""Application credentials of one's own, as lines for people, as JSON, and as shell lines."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import click

from p3idp.cli.fitting import fit
from p3idp.cli.terminal import harmless
from p3idp.client.credential_values import RUN_PREFIX, MadeCredential, OwnCredential


@dataclass(frozen=True, slots=True)
class CredentialProject:
    """A project as its owner has it: the name, and the first end of access that the broker knows of, if any."""

    name: str
    until: datetime | None = None


Projects = Mapping[str, CredentialProject]  # by id
_UNKNOWN = CredentialProject("")
_SOON = timedelta(days=7)
_OTHERS = (
    "CLOUD", "TOKEN", "USERNAME", "USER_ID", "USERID", "PASSWORD", "PROJECT_ID", "PROJECT_NAME", "PROJECT_DOMAIN_ID",
    "PROJECT_DOMAIN_NAME", "TENANT_ID", "TENANT_NAME", "SYSTEM_SCOPE", "TRUST_ID",
)  # fmt: skip
_MOMENTS = {"expires_at": "ends", "access_until": "access until"}  # of the body, and what people read
_MAKERS = {RUN_PREFIX: "p3idp exec --long"}


def as_body(found: OwnCredential, projects: Projects, now: datetime) -> dict[str, Any]:
    """One for machines. A project that the person does not reach now has no name."""
    project = projects.get(found.project_id, _UNKNOWN)
    return {
        "name": found.name,
        "id": found.id,
        "project": project.name or None,
        "project_id": found.project_id,
        "roles": list(found.roles),
        "expires_at": found.ends_at.isoformat(timespec="seconds") if found.ends_at else None,
        "access_until": project.until.isoformat(timespec="seconds") if project.until else None,
        "expired": found.is_over(now),
        "unrestricted": found.unrestricted,
        "access_rules": [str(rule) for rule in found.rules],
        "description": found.description,
    }


def as_lines(shown: Sequence[OwnCredential], projects: Projects, now: datetime, hidden: int) -> Iterator[str]:
    """A line each, and what is not shown."""
    rows = [(each.name, _where(each, projects), ", ".join(each.roles)) for each in shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for each, row in zip(shown, rows, strict=True):
        colour = "red" if each.is_over(now) else "yellow" if each.is_over(now + _SOON) else None
        padded = [f"{text:<{width}}" for text, width in zip(row, widths, strict=True)]
        yield click.style(fit("  ".join([*padded, *_marks(each, projects, now)])), fg=colour)
    if any(_stops(each, projects, now) for each in shown):
        yield "What works until a moment before its end goes on when you sign in again: this list did so just now."
    if not shown:
        yield "You have no application credentials."
    if hidden:
        yield f"Not shown: {hidden} that a broker made for exchanges (--all)."


def shown_lines(body: Mapping[str, Any]) -> Iterator[str]:
    """One with all that is known of it, in the words of the list."""
    for name, value in body.items():
        told = ", ".join(value) if isinstance(value, list) else value
        if isinstance(told, bool):
            told = "yes" if told else "no"
        if name in _MOMENTS and told:
            told = _moment(datetime.fromisoformat(told))
        if told not in ("", None):
            yield f"{_MOMENTS.get(name, name.replace('_', ' ')):<13} {harmless(str(told))}"


def created_lines(made: MadeCredential, told: str) -> Iterator[str]:
    """What was made, where its secret is, and how long it works."""
    found = made.credential
    yield f"Made {found.name} for {made.project}: {', '.join(found.roles)}; it ends {_end(found)}."
    if told:
        yield told
    yield "It works while you are a member. If it stops before its end, come to Keystone, and it works again:"
    yield "  p3idp application-credential list"


def export_lines(values: Mapping[str, str]) -> str:
    """Lines for a shell to read. What names another identity goes first."""
    others = "".join(f"unset OS_{name}\n" for name in _OTHERS)
    return others + "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def _where(found: OwnCredential, projects: Projects) -> str:
    return projects.get(found.project_id, _UNKNOWN).name or f"{found.project_id} (you do not reach it now)"


def _stops(found: OwnCredential, projects: Projects, now: datetime) -> datetime | None:
    """When its owner's access ends as things stand, where that is before its own end."""
    until = projects.get(found.project_id, _UNKNOWN).until
    return None if until is None or found.is_over(max(now, until)) else until


def _marks(found: OwnCredential, projects: Projects, now: datetime) -> Iterator[str]:
    yield f"{'ended' if found.is_over(now) else 'ends'} {_end(found)}"
    stops = _stops(found, projects, now)
    if stops:
        yield f"works until {_moment(stops)}"
    if found.rules:
        yield f"access rules: {len(found.rules)}"
    if found.unrestricted:
        yield "unrestricted"
    yield from (f"of {maker}" for prefix, maker in _MAKERS.items() if found.name.startswith(prefix))


def _end(found: OwnCredential) -> str:
    return _moment(found.ends_at) if found.ends_at else "never"


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
