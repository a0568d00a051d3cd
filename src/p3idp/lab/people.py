"""The people of the stand-in, and what the policy gives each of them. Owns neither people nor rules: it brings them
together, so that a newcomer sees before signing in what to expect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.policy.claims import GivenClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Policy
from p3idp.lab.servers.checkin import SOURCE


@dataclass(frozen=True, slots=True)
class LabPerson:
    """Somebody made up. ``about``: what is particular about them."""

    login: str
    about: str
    subject: str
    entitlements: tuple[str, ...]
    assurance: tuple[str, ...]

    def access(self, policy: Policy, now: datetime) -> str:
        """What this person gets by signing in at the first provider, in one line: ``p3 (member)`` or ``nothing``."""
        provider = policy.site.identity_providers[0]
        claims = GivenClaims(
            provider=provider.id,
            issuer=provider.issuers[0],
            subject=self.subject,
            client=next(iter(provider.issuing_clients), ""),
            entitlements=self.entitlements,
            assurance=self.assurance,
        )
        given = [f"{one.project.name} ({', '.join(one.roles)})" for one in decide(policy, claims, now).access]
        return ", ".join(given) or "nothing"


def lab_people() -> list[LabPerson]:
    """Everybody, in the order of the stand-in's file."""
    known: list[Mapping[str, list[str]]] = json.loads((SOURCE / "people.json").read_text(encoding="utf-8"))
    return [
        LabPerson(
            str(one["login"]), str(one["about"]), str(one["sub"]), tuple(one["entitlements"]), tuple(one["assurance"])
        )
        for one in known
    ]
