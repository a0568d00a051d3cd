"""What guards power, as the last applied policy has it: who approves, and which projects are protected.

Owns the findings where a policy would change that. A draft never decides who may approve of it: neither by its list,
nor by whom its identity providers would believe.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from p3idp.core.access.plan import Finding
from p3idp.core.policy.model import Approvers, Site


@dataclass(frozen=True, slots=True)
class Guards:
    """``site``: of the last applied policy, None where none was applied. ``unknown``: why that cannot be told.

    ``environment``: where that policy was applied, which may be elsewhere: people sign in as they do there.
    """

    site: Site | None = None
    unknown: str = ""
    environment: str = ""

    @property
    def approvers(self) -> Approvers | None:
        """Who decides now; None where nobody was ever named."""
        return self.site.approvers if self.site else None

    def protected(self, draft: Site) -> tuple[str, ...]:
        """The projects that are protected now or would be."""
        return tuple(sorted({*draft.protected_projects, *(self.site.protected_projects if self.site else ())}))


def guard_findings(draft: Site, guards: Guards) -> Iterator[Finding]:
    """What this policy would change of who guards what. The first list is accepted by name; from then on it decides."""
    if guards.unknown:
        told = f"{guards.unknown} So p3idp cannot tell who may approve. Restore the database from a backup."
        yield Finding("approvers-unknown", "approvers", told, acceptable=False)
        return
    by_two = guards.approvers is not None
    if _voice(draft) != (_voice(guards.site) if guards.site else None):
        yield Finding("changes-approvers", "approvers", _told(draft, first=not by_two), second_person=by_two)
    for project in sorted(set(guards.protected(draft)) - set(draft.protected_projects)):
        told = f"The policy would protect the project {project} no longer."
        yield Finding("unprotects-project", project, told, second_person=True)


def _told(draft: Site, *, first: bool) -> str:
    approvers = draft.approvers
    if approvers is None:
        return "Nobody could approve any more of what one person must not decide."
    named = [*approvers.subjects, *(f"whoever holds {held}" for held in approvers.entitlements)]
    who = f"{', '.join(named)} of the identity provider {approvers.provider}"
    if first:
        return f"For the first time people are named who approve of what one person must not decide: {who}."
    if draft.provider(approvers.provider).suspended is not None:
        return f"Signing in would be suspended for those who approve: {who}. They go on approving."
    return f"Who approves, or by which issuers, clients and claims they are known, would change to: {who}."


def _voice(site: Site) -> object:
    """All of a policy that decides whether a token speaks for an approver."""
    approvers = site.approvers
    if approvers is None:
        return None
    provider = site.provider(approvers.provider)
    return (
        approvers.provider,
        frozenset(approvers.subjects),
        frozenset(approvers.entitlements),
        frozenset(approvers.issuing_clients),
        frozenset(provider.issuers),
        frozenset(provider.issuing_clients),
        frozenset(provider.audiences),
        # Whose own access ends with this: they go on approving, so that two of them can lift it.
        provider.suspended is not None,
        provider.claims.subject,
        frozenset(provider.claims.entitlements),
    )
