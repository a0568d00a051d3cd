"""What a replay compares: a policy or a Keystone mapping on either side. Owns how they are brought to common terms.

Two policies are compared by roles on projects. Where one side is a mapping, both are compared as Keystone sees them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.keystone_rules import compile_rules
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.replay import KeystoneSide
from p3idp.core.mappings.replay_rules import names_in_json, names_in_policy
from p3idp.core.mappings.replay_together import pair_in_keystone
from p3idp.core.policy.model import IdentityProvider, Policy
from p3idp.core.policy.replay_pair import Pair, pair_of
from p3idp.core.policy.replay_side import Gifts
from p3idp.errors.command import UsageMistaken
from p3idp.errors.keystone_rules import MappingRulesInvalid
from p3idp.ports.regex import Search


@dataclass(frozen=True, slots=True)
class RawMapping:
    """A mapping as Keystone stores it. ``name``: of the file, for messages."""

    name: str
    rules: Any
    version: Any


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides. ``provider``: of logins that name none; ``alone``: whether others have no part in the comparison."""

    pair: Pair
    gifts: Gifts
    provider: str | None
    alone: bool
    notes: Sequence[str] = ()


def make_sides(
    draft: Policy | RawMapping, current: Policy | RawMapping, provider: str | None, search: Search, now: datetime
) -> Sides:
    """Both sides at ``now``. Raises UsageMistaken, MappingRulesInvalid."""
    gifts = Gifts()
    policies = [each for each in (draft, current) if isinstance(each, Policy)]
    if len(policies) == 2:
        _check(provider, policies)
        return Sides(pair_of(policies[0], policies[1], now, gifts), gifts, provider, alone=False)
    served = _served(policies[0], provider) if policies else None
    made = [_keystone_side(each, served, gifts, search, now) for each in (draft, current)]
    named = str(served.id) if served else provider
    notes = [
        f"{what} asks for {', '.join(side.blind)}, which no claim becomes: rules that do apply to nobody here."
        for what, side in zip(("The draft", "What is in force"), made, strict=True)
        if side.blind
    ]
    return Sides(pair_in_keystone(made[0], made[1]), gifts, named, alone=named is not None, notes=notes)


def _check(provider: str | None, policies: Sequence[Policy]) -> None:
    known = sorted({str(each.id) for policy in policies for each in policy.site.identity_providers})
    if provider is not None and provider not in known:
        raise UsageMistaken(f"No identity provider is called {provider}; there are {', '.join(known)}.")


def _served(policy: Policy, provider: str | None) -> IdentityProvider:
    """The provider whose mapping a policy is compiled to."""
    known = policy.site.identity_providers
    found = [each for each in known if provider in (None, each.id)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(each.id) for each in known)
    if provider is None:
        raise UsageMistaken(f"A mapping serves one identity provider: name it with --identity-provider ({names}).")
    raise UsageMistaken(f"The policy has no identity provider {provider}; it has {names}.")


def _keystone_side(
    source: Policy | RawMapping, served: IdentityProvider | None, gifts: Gifts, search: Search, now: datetime
) -> KeystoneSide:
    person, issuer = (served.claims.subject, served.issuers[0]) if served else ("sub", "")
    if isinstance(source, RawMapping):
        return KeystoneSide(
            _compiled(source, search), tuple(names_in_json(source.rules)), gifts, person, issuer, search
        )
    if served is None:
        raise ValueError("a policy is compiled for one provider")
    mapping = compile_mapping(source, served, now)
    names = tuple(names_in_policy(source, mapping, now))
    compiled = compile_rules(list(mapping.rules), mapping.schema_version, search)
    return KeystoneSide(compiled, names, gifts, person, issuer, search)


def _compiled(source: RawMapping, search: Search) -> Any:
    try:
        return compile_rules(source.rules, source.version, search)
    except MappingRulesInvalid as exc:
        places = tuple((f"{source.name}: {path}", message) for path, message in exc.places)
        raise MappingRulesInvalid(places) from exc
