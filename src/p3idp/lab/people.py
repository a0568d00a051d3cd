"""The people of the stand-in, and what the policy gives each of them. Owns neither people nor rules: it brings them
together, so that a newcomer sees before signing in what to expect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.policy.decide import Decision, decide
from p3idp.core.policy.model import Policy, ProviderId
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
        decision = self._decide(policy, now)
        return (
            ", ".join(f"{access.project.name} ({', '.join(access.roles)})" for access in decision.access) or "nothing"
        )

    def _decide(self, policy: Policy, now: datetime) -> Decision:
        provider = policy.site.identity_providers[0]
        client = provider.issuing_clients[0] if provider.issuing_clients else ""
        return decide(policy, _Claims(self, provider.id, provider.issuers[0], client), now)


@dataclass(frozen=True, slots=True)
class _Claims:
    """A person's claims as a decision wants them (core/policy/decide.py, TypedClaims)."""

    person: LabPerson
    provider: ProviderId
    issuer: str
    client: str

    @property
    def subject(self) -> str:
        return self.person.subject

    @property
    def entitlements(self) -> tuple[str, ...]:
        return self.person.entitlements

    @property
    def assurance(self) -> tuple[str, ...]:
        return self.person.assurance


def lab_people() -> list[LabPerson]:
    """Everybody, in the order of the stand-in's file."""
    known: list[Mapping[str, list[str]]] = json.loads((SOURCE / "people.json").read_text(encoding="utf-8"))
    return [
        LabPerson(
            str(one["login"]), str(one["about"]), str(one["sub"]), tuple(one["entitlements"]), tuple(one["assurance"])
        )
        for one in known
    ]
