"""What a broker says of one's own access, on a terminal and for machines. Owns the table, the notes and the JSON."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from p3idp.cli.fitting import fit, width, wrapped
from p3idp.client.access import OwnAccess, OwnProject, ask_broker
from p3idp.client.clouds import Cloud
from p3idp.client.here import Desk
from p3idp.errors.keystone import KeystoneUnreachable, KeystoneUserDisabled

HEADS = ("Project", "Roles", "Community", "Until")
_NARROWEST = 12
_MEMBER = "while a member"
# What keeps Keystone from being seen, by the code that the broker names; the page says the same.
_PROBLEMS = {
    KeystoneUnreachable.code: "Keystone did not answer: this is what the policy gives, whether or not Keystone has it.",
    KeystoneUserDisabled.code: "Keystone does not let you in: your user there is disabled. Where that was because a "
    "membership had ended, it is enabled some minutes after you signed in.",
}
_REFUSED = "Keystone does not let you in yet, although the policy gives you access."


def own_access(here: Desk, cloud: Cloud) -> OwnAccess | None:
    """What the cloud's broker says; None where there is none that could. Raises what signing in and asking do."""
    if not cloud.broker:
        return None
    return here.work.with_identity(cloud, lambda identity: ask_broker(cloud, identity.access_token))


def table(found: Sequence[OwnProject], cloud: Cloud) -> Iterator[str]:
    """A line a project, the one in use marked."""
    rows = [
        (each.reference, ", ".join(each.roles), ", ".join(each.communities), _day_and_time(each.policy_until))
        for each in found
    ]
    return columns([HEADS, *rows], [" ", *(mark(each.reference, cloud) for each in found)])


def columns(rows: Sequence[Sequence[str]], marks: Sequence[str]) -> Iterator[str]:
    """Cells below one another. Where they are wider than the terminal the widest are cut, the first one last."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    while sum(widths) + 2 * len(widths) > width() and max(widths[1:]) > _NARROWEST:
        widths[max(range(1, len(widths)), key=lambda column: widths[column])] -= 1
    for sign, row in zip(marks, rows, strict=True):
        cells = [cell if len(cell) <= most else cell[: most - 1] + "…" for cell, most in zip(row, widths, strict=True)]
        padded = [f"{cell:<{most}}" for cell, most in zip(cells, widths, strict=True)]
        yield fit(f"{sign} {'  '.join(padded)}".rstrip())


def notes(access: OwnAccess) -> Iterator[str]:
    """Where Keystone differs from the policy, and until when it keeps what it has."""
    if access.problem and access.projects:
        yield from _note(f"{_PROBLEMS.get(access.problem, _REFUSED)} Ask {access.contact}.")
    for project, lacking, beyond in access.differences:
        if lacking:
            told = f"On {project} the policy gives {', '.join(lacking)}, which Keystone does not hold yet."
            yield from _note(f"{told} The administrators have to apply the policy: {access.contact}")
        if beyond:
            told = f"On {project} Keystone holds {', '.join(beyond)}, which the policy does not give."
            yield from _note(f"{told} It was granted by hand, or remains from before and will end.")
    if access.lapses_at is not None and any(each.reachable for each in access.projects):
        told = f"Keystone keeps this until {_moment(access.lapses_at)}, and longer each time that you come."
        yield from wrapped(told, None, 0)


def access_lines(access: OwnAccess) -> Iterator[str]:
    """Communities, and what gives each project, below the lines of `p3idp whoami`."""
    titles = {rule.community: rule.title for each in access.projects for rule in each.rules}
    for community, title in sorted(titles.items()):
        yield fit(f"Community {community} ({title})")
    for each in access.projects:
        yield fit(f"Project   {each.reference}: {', '.join(each.roles)}, {_until(each)}")
        for rule in each.rules:
            yield fit(f"          by the rule {rule.name}")
            yield fit(f"          for your    {rule.held}")
    if not access.projects:
        yield from wrapped(access.why_none, None, 0)
    yield from notes(access)


def access_json(access: OwnAccess, cloud: Cloud) -> dict[str, Any]:
    """All of it for machines. ``explanation``: why there is no project; null where there is one."""
    return {
        "projects": [project_json(each, cloud) for each in access.projects],
        "explanation": access.why_none or None,
        "differences": [
            {"project": project, "only_policy": list(lacking), "only_keystone": list(beyond)}
            for project, lacking, beyond in access.differences
        ],
        "keystone_problem": access.problem or None,
        "memberships_lapse": _iso(access.lapses_at),
    }


def project_json(each: OwnProject, cloud: Cloud) -> dict[str, Any]:
    """A project for machines."""
    return {
        "project": each.reference,
        "id": each.id or None,
        "roles": list(each.roles),
        "communities": list(each.communities),
        "rules": [{"rule": rule.name, "community": rule.community, "held": rule.held} for rule in each.rules],
        "until": _iso(each.until),
        "reachable": each.reachable,
        "in_use": mark(each.reference, cloud) == "*",
    }


def mark(reference: str, cloud: Cloud) -> str:
    """A star at the project in use."""
    in_use = cloud.project and cloud.project in (reference, reference.rpartition("@")[0])
    return "*" if in_use else " "


def _note(text: str) -> Iterator[str]:
    return wrapped(text, "yellow", 0)


def _until(each: OwnProject) -> str:
    return f"until {_moment(each.policy_until)}" if each.policy_until else _MEMBER


def _day_and_time(end: datetime | None) -> str:
    return _moment(end) if end else _MEMBER


def _moment(value: datetime) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _iso(value: datetime | None) -> str | None:
    return value.isoformat(timespec="seconds") if value else None
