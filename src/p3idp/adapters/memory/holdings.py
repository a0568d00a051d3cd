"""What users of a Keystone in memory hold: the twin of what KeystoneHoldings reads."""

from dataclasses import dataclass, field

from p3idp.core.access.resources import Key
from p3idp.core.credentials.held import ApplicationCredential, GivenRole, Holdings, Membership
from p3idp.errors import P3idpError


@dataclass(slots=True)
class MemoryHoldings:
    """Implements ports.holdings.HoldingsReader.

    ``in_groups``: memberships by user; ``grants``: (project id, role) by group; ``own``: the same by user; ``held``:
    what users hold. ``asked``: every question, as (question, user); ``problem``: why there is no answer.
    """

    in_groups: dict[str, list[Membership]] = field(default_factory=dict)
    grants: dict[Key, list[tuple[str, str]]] = field(default_factory=dict)
    own: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    held: dict[str, Holdings] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    problem: P3idpError | None = None

    def credentials(self, user: str) -> tuple[ApplicationCredential, ...]:
        """See ports.holdings.CredentialReader."""
        self._ask("credentials", user)
        held = self.held.get(user, Holdings()).credentials
        return tuple(sorted(held, key=lambda each: (each.name, each.id)))

    def given_roles(self, user: str) -> tuple[GivenRole, ...]:
        """See ports.holdings.CredentialReader."""
        self._ask("given_roles", user)
        alone = [GivenRole(*grant) for grant in self.own.get(user, [])]
        through = [
            GivenRole(*g, each) for each in self.in_groups.get(user, []) for g in self.grants.get(each.group, [])
        ]
        return tuple(sorted({*alone, *through}, key=lambda each: each.order))

    def memberships(self, user: str) -> tuple[Membership, ...]:
        """See ports.holdings.HoldingsReader."""
        self._ask("memberships", user)
        return tuple(sorted(self.in_groups.get(user, []), key=lambda each: each.group))

    def holdings(self, user: str) -> Holdings:
        """See ports.holdings.HoldingsReader."""
        self._ask("holdings", user)
        return self.held.get(user, Holdings())

    def _ask(self, question: str, user: str) -> None:
        self.asked.append((question, user))
        if self.problem:
            raise self.problem
