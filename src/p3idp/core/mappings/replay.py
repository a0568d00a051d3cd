"""One side of a replay as Keystone sees it: a mapping, and claims as its attributes. Owns that reading.

Access is groups, and projects with roles where the mapping gives them directly. What a group's roles are is Keystone's
to know, so a policy is compared by its groups here.
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

from p3idp.core.keystone_rules import NO_SEARCH, CompiledRules, Failed, Kind, Mapped, Person, Search
from p3idp.core.login.limits import LIMITS
from p3idp.core.mappings.assertion import DELIMITER, attributes, is_of_claim
from p3idp.core.mappings.replay_rules import Givers, domain_said, items_of
from p3idp.core.policy.claims import ambiguity, texts
from p3idp.core.policy.decision import Unusable
from p3idp.core.policy.replay_side import Claims, Gifts, Held, Item, Judged, RuleName
from p3idp.errors.policy import ClaimsInvalid

# So many names and values of claims are remembered.
MOST = 65_536


class KeystoneSide:
    """A mapping. ``names`` are its rules' names, in order; ``person`` the claim that names people in the report.

    ``issuer`` stands in where the claims name none.
    """

    home = ""

    def __init__(
        self,
        compiled: CompiledRules,
        names: Sequence[RuleName],
        gifts: Gifts,
        person: str = "sub",
        issuer: str = "",
        search: Search = NO_SEARCH,
    ) -> None:
        self.compiled, self._names, self.person, self._issuer = compiled, names, person, issuer
        self.gifts = gifts
        self._givers = Givers(compiled, names, search)
        self.attributes = frozenset(compiled.attributes)
        self._asked: dict[str, tuple[str, ...]] = {}
        self._good: set[str] = set()

    def judge(self, claims: Claims, provider: str | None) -> Judged:
        """See Side. A value that Keystone would not read as it stands opens nothing, as on p3idp's own paths."""
        where, person = provider or "", self._subject(claims)
        if not person:
            return Judged(where, "", refusal=_refused(Unusable.NO_SUBJECT, self.person))
        environment, odd = self.environment(claims)
        odd = self.person if ambiguity(person) else odd
        if odd:
            return Judged(where, person, refusal=_refused(Unusable.AMBIGUOUS_VALUE, odd))
        outcome = self.compiled.evaluate(environment)
        if isinstance(outcome, Failed):
            told = "" if outcome.kind is Kind.NO_MATCH else f"{outcome.kind} ({outcome.keystone_error or 'p3idp'})"
            return Judged(where, person, refusal=told)
        return Judged(where, person, user_of(outcome.person), self.held(outcome))

    def held(self, mapped: Mapped) -> Held:
        """The numbers of all that is given."""
        return tuple(sorted({self.gifts.number((item,)) for item in items_of(mapped)}))

    def through(self, claims: Claims, provider: str | None, items: frozenset[Item]) -> Iterable[int]:
        """See Side."""
        return self._givers.of(items, self.environment(claims)[0])

    def rule(self, number: int) -> RuleName:
        """See Side."""
        return self._names[number]

    @property
    def blind(self) -> tuple[str, ...]:
        """The attributes that no claim becomes, such as REMOTE_USER: rules that ask for one apply to nobody here."""
        return tuple(sorted(name for name in self.attributes if not is_of_claim(name)))

    def _subject(self, claims: Claims) -> str:
        found = texts(claims, self.person)
        if len(found) > 1:
            raise ClaimsInvalid(f"The claim {self.person} has {len(found)} values; it can have one.")
        return found[0] if found else ""

    def environment(self, claims: Claims) -> tuple[dict[str, str], str]:
        """The attributes that the mapping asks for, and the claim that is unsafe to read. Raises ClaimsInvalid."""
        found: dict[str, str] = {}
        if self._issuer and "iss" not in claims:
            claims = {**claims, "iss": self._issuer}
        for name, value in claims.items():
            asked = self._asked.get(name)
            if asked is None:
                asked = self._ask(name)
            if asked:
                values = value if self._is_good(value) else texts(claims, name)
                if values is not value and any(map(ambiguity, values)):
                    return {}, name
                self._remember(value)
                found.update(dict.fromkeys(asked, DELIMITER.join(values)))
        return found, ""

    def _ask(self, claim: str) -> tuple[str, ...]:
        if len(self._asked) >= MOST:
            self._asked.clear()
        asked = self._asked[claim] = tuple(name for name in attributes(claim) if name in self.attributes)
        return asked

    def _is_good(self, value: Any) -> TypeGuard[list[str]]:
        """Whether this is a list of texts that were all met before, so that nothing has to be looked at again."""
        try:
            return type(value) is list and len(value) <= LIMITS.values and self._good.issuperset(value)
        except TypeError:
            return False

    def _remember(self, value: Any) -> None:
        if type(value) is list:
            if len(self._good) >= MOST:
                self._good.clear()
            self._good.update(value)


def _refused(reason: Unusable, claim: str) -> str:
    return f"{reason} (claim {claim})"


def user_of(person: Person) -> str:
    """What tells one user from another: Keystone makes an ephemeral user's id of id or else name."""
    if person.type == "local":
        return f"local {person.id or person.name} {domain_said(person.domain_name, person.domain_id)}"
    return person.id or person.name or "REMOTE_USER"
