"""What a login gets at Keystone's own door, by the mapping that the policy compiles to. Owns that reading.

Keystone's mapping gives groups; roles are grants of groups on projects, as the policy makes them. Who is named is in
their own group by a membership that lasts. So examples can be
held against both engines (docs/adr/0005-mapping-schema.md, docs/adr/0007-imitating-keystones-engine.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from p3idp.core.keystone_rules import NO_SEARCH, CompiledRules, Failed, Kind, Mapped, Search, compile_rules
from p3idp.core.mappings.assertion import assertion
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.policy.decision import Unusable
from p3idp.core.policy.examples import Access, TriedExample, told
from p3idp.core.policy.model import Policy, ProjectRef, ProviderId
from p3idp.errors.policy import ClaimsInvalid

_NOT_COMPARED = frozenset({Unusable.AMBIGUOUS_VALUE})


@dataclass(frozen=True, slots=True)
class AtTheDoor:
    """What Keystone gives. ``problem``: why there is no answer, where something else than "no rule matches" is it."""

    access: Access = ()
    problem: str = ""


@dataclass(slots=True)
class KeystoneDoor:
    """Keystone's engine over the mappings of one policy; each is compiled once."""

    search: Search = NO_SEARCH
    _compiled: dict[tuple[int, str, datetime], tuple[Policy, CompiledRules]] = field(default_factory=dict)

    def difference(self, tried: TriedExample) -> str:
        """How the door's answer to an example differs from the policy's; empty where it does not.

        Values that Keystone reads otherwise than they stand are refused on p3idp's own paths, and no property of
        the compiled mapping can hold for them: they are not compared.
        """
        refusal = tried.decision.refusal
        if tried.typed is None or (refusal is not None and refusal.reason in _NOT_COMPARED):
            return ""
        found = self.answer(tried)
        if found.problem:
            return found.problem
        if found.access == tried.got:
            return ""
        return f"gets {told(tried.got)} from the policy, but {told(found.access)} at Keystone's own door"

    def answer(self, tried: TriedExample) -> AtTheDoor:
        """What Keystone gives for the example's claims."""
        provider = tried.policy.site.provider(tried.example.identity_provider)
        try:
            environment = assertion(tried.claims)
        except ClaimsInvalid as exc:
            return AtTheDoor(problem=f"cannot be asked of Keystone: {exc.detail}")
        outcome = self._rules(tried.policy, str(provider.id), tried.now).evaluate(environment)
        if isinstance(outcome, Failed):
            no_match = outcome.kind is Kind.NO_MATCH
            return AtTheDoor(problem="" if no_match else f"gets no answer at Keystone's own door: {outcome.message}")
        return AtTheDoor(_access(tried.policy, provider.id, outcome, tried.now))

    def _rules(self, policy: Policy, provider: str, now: datetime) -> CompiledRules:
        # The policy is kept beside its rules, so that its id stays its own.
        key = (id(policy), provider, now)
        if key not in self._compiled:
            mapping = compile_mapping(policy, policy.site.provider(provider), now)
            self._compiled[key] = (policy, compile_rules(list(mapping.rules), mapping.schema_version, self.search))
        return self._compiled[key][1]


def _access(policy: Policy, provider: ProviderId, mapped: Mapped, now: datetime) -> Access:
    domain = policy.site.domain
    groups = {group.name for group in mapped.groups if group.domain_name == domain}
    given: dict[ProjectRef, set[str]] = {}
    by_groups = (grant for rule in policy.rules_at(now) if rule.group in groups for grant in rule.grants)
    # Of whoever is named, the membership of their own user counts, and no group of the mapping.
    named = (each for each in policy.people_at(now) if each.condition == (provider, mapped.person.id))
    by_name = (grant for person in named for grant in person.grants)
    directly = ((ProjectRef(g.domain_name or domain, g.project), g.roles) for g in mapped.grants)
    for project, roles in (*by_groups, *by_name, *directly):
        given.setdefault(project, set()).update(roles)
    return _sorted(given.items())


def _sorted(given: Iterable[tuple[ProjectRef, set[str]]]) -> Access:
    return tuple((project, tuple(sorted(roles))) for project, roles in sorted(given))
