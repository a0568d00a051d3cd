"""Whether the policy gives what the old mapping gave, login by login. Owns the comparison, and what remarks excuse.

A difference counts unless it disappears once the login is brought into the form that the remarks speak of: an
entitlement with the authority that the old rule spelled out, a claim that the old rule wanted to be there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from p3idp.core.keystone_rules import CompiledRules, Mapped, Outcome, Search, compile_rules
from p3idp.core.mappings.importing.access import Access, is_part, together
from p3idp.core.mappings.importing.attributes import seen_as
from p3idp.core.mappings.importing.choices import Choices, Imported
from p3idp.core.mappings.importing.logins import Login, logins
from p3idp.core.mappings.importing.terms import Rule, Terms
from p3idp.core.mappings.importing.wanted import Fit
from p3idp.core.policy.entitlement import Entitlement, parse_entitlement


@dataclass(frozen=True, slots=True)
class Difference:
    """A login to which the two answer differently. None: no access."""

    login: Login
    before: Access | None
    after: Access | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """``tried`` logins, of which ``let_in`` had access before; what differs, and how many remarks excuse."""

    tried: int
    let_in: int
    excused: int
    differences: tuple[Difference, ...]
    unmet: tuple[int, ...]


class Replay:
    """The old rules and the new mapping, side by side."""

    def __init__(
        self, old: Sequence[Rule], version: str, new: Sequence[Rule], found: Imported, choices: Choices, search: Search
    ) -> None:
        self._rules, self._version = old, version
        self._old = compile_rules(list(old), version, search)
        # Remarks speak of rules that became policy; rules that stay must answer to the login as it is.
        kept = [rule for number, rule in enumerate(old) if number not in found.said_rules]
        self._old_said = _compiled([r for n, r in enumerate(old) if n not in found.kept], version, search)
        self._old_kept = _compiled(kept, version, search)
        self._new = compile_rules(list(new), "2.0", search)
        self._found, self._choices, self._search = found, choices, search
        self._patterns: dict[str, CompiledRules] = {}
        self._site = found.policy.site
        self._terms = {terms.number: terms for said in found.said for terms in said.terms}
        self._texts = _texts_by_entitlement(self._terms.values())
        self._bare = sorted({claim for terms in self._terms.values() for claim in terms.bare})
        self._projects_become_roles = any(terms.grants for terms in self._terms.values())

    def run(self, most: int = 10) -> Replayed:
        """Try every login; up to ``most`` differences are kept."""
        tried = let_in = excused = 0
        differences: list[Difference] = []
        (provider,) = self._site.identity_providers
        shown = (
            str(text) for remark in self._found.remarks for values in remark.login.values() for text in _many(values)
        )
        for login in logins(self._rules, provider.claims.entitlements, shown):
            if login.get(provider.claims.subject) == ("",):
                continue  # no provider leaves the subject empty, and Keystone would take the name for the id
            tried += 1
            before, after = self._before(login), self._after(login)
            let_in += before is not None
            if before == after:
                continue
            if self._excused(login, before, after):
                excused += 1
            elif len(differences) < most:
                differences.append(Difference(login, before, after))
        unmet = tuple(n for n, rule in enumerate(self._rules) if not self._is_met(rule))
        return Replayed(tried, let_in, excused, tuple(differences), unmet)

    def _is_met(self, rule: Rule) -> bool:
        """Whether the login that was made up for a rule meets it: otherwise it was not tried."""
        alone = compile_rules([rule], self._version, self._search)
        login = next(logins([rule], (), ()))
        return bool(alone.explain(seen_as(login, alone.attributes)).hits)

    def same(self, login: Login) -> bool:
        """Whether a login comes out as before, or otherwise as a remark says."""
        before, after = self._before(login), self._after(login)
        return before == after or self._excused(login, before, after)

    def _excused(self, login: Login, before: Access | None, after: Access | None) -> bool:
        """Whether a remark names this difference."""
        remarked = self._as_remarked(login)
        parts = [self._answer(self._old_said, remarked), self._answer(self._old_kept, login)]
        if together([part for part in parts if part is not None]) == after:
            return True
        # issuer-not-asked: the policy may take away, from issuers that are not the provider's.
        foreign = not set(login.get("iss", ())) & set(self._site.identity_providers[0].issuers)
        return foreign and self._asks_no_issuer and before is not None and is_part(after, before)

    @property
    def _asks_no_issuer(self) -> bool:
        return any(terms.issuers is None for terms in self._terms.values())

    def _before(self, login: Login) -> Access | None:
        return self._answer(self._old, login)

    def _answer(self, rules: CompiledRules | None, login: Login) -> Access | None:
        return self._access(rules.evaluate(seen_as(login, rules.attributes)), self._version) if rules else None

    def _after(self, login: Login) -> Access | None:
        return self._access(self._new.evaluate(seen_as(login, self._new.attributes)), "2.0")

    def _access(self, outcome: Outcome, version: str) -> Access | None:
        if not isinstance(outcome, Mapped):
            return None
        person = outcome.person
        named = person.id or person.name
        domain = self._site.domain if version == "1.0" else person.domain_name or person.domain_id
        if not named or not domain:
            return None  # the web server's name for the person, or an error at login
        ids = {str(each) for each in outcome.group_ids}
        known = {self._choices.groups[each] for each in ids if each in self._choices.groups}
        groups = known | {(g.domain_name or g.domain_id or "", g.name) for g in outcome.groups}
        projects = {
            (grant.domain_name or self._site.domain, grant.project, role)
            for grant in outcome.grants
            for role in grant.roles
            if not self._projects_become_roles
        }
        if not (ids or groups or projects):
            return None
        return Access(named, domain, frozenset(groups), frozenset(ids - set(self._choices.groups)), frozenset(projects))

    def _as_remarked(self, login: Login) -> Login:
        """The login as the old rules would have had to see it, for the differences that remarks name."""
        claims = dict(login)
        for name in {terms.claim for terms in self._terms.values()} & set(claims):
            claims[name] = tuple(text for value in claims[name] for text in self._spelled(value))
        for claim in self._bare:
            claims.setdefault(claim, ("somebody",))
        return claims

    def _spelled(self, value: str) -> Iterator[str]:
        held = parse_entitlement(value)
        found = [text for wide in self._granted_by(held) for text in self._texts.get(wide, ())] if held else []
        if found:
            yield from found
        elif not any(self._was_loose(terms, value) for terms in self._terms.values()):
            yield value

    def _granted_by(self, held: Entitlement) -> Iterator[Entitlement]:
        """The entitlement, and the groups without a role that it lies in."""
        yield held
        for depth in range(1, len(held.path) + 1):
            if held.role or depth < len(held.path):
                yield Entitlement(held.namespace, held.path[:depth])

    def _was_loose(self, terms: Terms, value: str) -> bool:
        """Whether one of the rule's patterns took this text, though it is not the entitlement meant."""
        loose = (wanted.entry for wanted in terms.wanted if wanted.fit is Fit.ACCEPTS_MORE)
        return any(isinstance(self._alone(pattern).evaluate({"x": value}), Mapped) for pattern in loose)

    def _alone(self, pattern: str) -> CompiledRules:
        if pattern not in self._patterns:
            remote = [{"type": "x", "any_one_of": [pattern], "regex": True}]
            self._patterns[pattern] = compile_rules([{"local": [{"user": {}}], "remote": remote}], "2.0", self._search)
        return self._patterns[pattern]


def _compiled(rules: Sequence[Rule], version: str, search: Search) -> CompiledRules | None:
    return compile_rules(list(rules), version, search) if rules else None


def _texts_by_entitlement(terms: Iterable[Terms]) -> Mapping[Entitlement, tuple[str, ...]]:
    found: dict[Entitlement, dict[str, None]] = {}
    for each in terms:
        for wanted in each.wanted:
            if wanted.fit is not Fit.SAME:
                found.setdefault(wanted.entitlement, {})[wanted.text] = None
    return {entitlement: tuple(texts) for entitlement, texts in found.items()}


def _many(values: object) -> Sequence[object]:
    return values if isinstance(values, tuple | list) else (values,)
