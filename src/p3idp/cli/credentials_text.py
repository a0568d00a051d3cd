"""Application credentials as lines for people and as JSON: the worst first, as wide as the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from p3idp.cli.fitting import fit, wrapped
from p3idp.cli.terminal import harmless
from p3idp.core.credentials.outlook import Keeper, Outlook, State
from p3idp.core.credentials.words import advice, fate
from p3idp.ops.credentials import Coverage, Survey

_COLOURS: Mapping[State, str] = {State.LAPSED: "red", State.LAPSES: "yellow", State.OWNER_NOT_A_MEMBER: "red"}


def credential_lines(survey: Survey, shown: tuple[Outlook, ...]) -> Iterator[str]:
    """Those that are ``shown``, and how far the survey saw."""
    for each in shown:
        yield from _credential(each)
    if not shown:
        yield "None: no federated person holds an application credential of this kind."
    yield ""
    yield from wrapped(coverage_line(survey.coverage), None, indent=0)


def _credential(found: Outlook) -> Iterator[str]:
    credential = found.credential
    colour = "green" if found.keeper is Keeper.CONSENT else _COLOURS.get(found.state)
    where = credential.project or credential.project_id
    mark = "  unrestricted" if credential.unrestricted else ""
    head = f"{found.state:<10}  {credential.name}  {where}  {', '.join(credential.roles)}{mark}"
    yield click.style(fit(head), fg=colour)
    # Never cut: a subject is one word, to be copied, and some are longer than a terminal is wide.
    mail = f" <{found.owner.email}>" if found.owner.email else ""
    yield harmless(f"    {found.owner.name} of {found.owner.provider}{mail}")
    yield from wrapped(fate(found), None, indent=4)
    yield from wrapped(advice(found), None, indent=4)


def coverage_line(coverage: Coverage) -> str:
    """Of how many people this speaks."""
    told = f"Coverage: {_people(coverage.asked)} asked about, {coverage.holders:,} with credentials; p3idp knows the "
    told += f"claims of {coverage.with_claims:,} of these."
    if coverage.unreadable:
        told += f" {coverage.unreadable:,} remembered logins or consents cannot be read with the keys of the settings."
    if not coverage.complete:
        told += " Keystone cut its list of users short: there are more."
    return told


def _people(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"


def survey_json(survey: Survey, shown: tuple[Outlook, ...]) -> dict[str, Any]:
    """The same for machines."""
    coverage = survey.coverage
    return {
        "at": survey.at.isoformat(),
        "coverage": {name: getattr(coverage, name) for name in coverage.__slots__},
        "credentials": [outlook_json(each) for each in shown],
    }


def outlook_json(found: Outlook) -> dict[str, Any]:
    """One credential for machines."""
    credential, owner = found.credential, found.owner
    return {
        "id": credential.id,
        "name": credential.name,
        "owner": {
            "subject": owner.name,
            "identity_provider": owner.provider,
            "user_id": owner.id,
            "email": owner.email or None,
            "consented": owner.consented,
        },
        "project": str(credential.project) if credential.project else None,
        "project_id": credential.project_id,
        "roles": list(credential.roles),
        "unrestricted": credential.unrestricted,
        "own_end": credential.until.isoformat() if credential.until else None,
        "state": str(found.state),
        "stops_at": found.stops_at.isoformat() if found.stops_at else None,
        "fewer": [{"at": at.isoformat(), "roles": list(roles)} for at, roles in found.fewer],
        "missing_roles": list(found.missing),
        "groups": [name for _, name in found.groups],
        "kept_by": str(found.keeper),
        "fate": fate(found),
        "advice": advice(found),
    }
