"""Defects of a policy: rules that give nothing, names that look alike, examples that fail or are missing."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from p3idp.core.mappings.lint.finding import Finding, Login
from p3idp.core.mappings.lint.policy_logins import good_claims, judged
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.policy.decision import Granted, Refusal, Refused
from p3idp.core.policy.examples import told, try_examples
from p3idp.core.policy.legacy import parse_legacy
from p3idp.core.policy.model import AccessRule, Community, IdentityProvider, NamedPerson, Policy
from p3idp.core.policy.suggest import suggest

Rule = tuple[Community, AccessRule]
_MOMENT = timedelta(seconds=1)


def check_policy(policy: Policy, now: datetime) -> Iterator[Finding]:
    """Look at every rule, name and example of a policy."""
    rules = [(community, rule) for community in policy.communities for rule in community.rules]
    yield from _examples(policy)
    yield from _untried(policy, rules, now)
    for rule in rules:
        yield from _validity(policy, rule, now)
        yield from _admin(policy, rule, now)
        yield from _odd_names(policy, rule, now)
    yield from _twins(policy, rules, now)
    for person in (person for community in policy.communities for person in community.people):
        yield from _named(person, now)


def _named(person: NamedPerson, now: datetime) -> Iterator[Finding]:
    """Somebody who is named: an end that has passed, and admin. A login would show no more than who they are."""
    if (until := person.validity.until) is not None and until <= now:
        found = f"the access by name of {person.subject} ended {until:%Y-%m-%d}"
        yield Finding("rule-ended", *person.place, found, "Remove the entry, or write a new `until:`")
    for project, roles in person.grants:
        if any(role.lower() == "admin" for role in roles):
            found = f"{person.subject} gets admin on {project}"
            yield Finding("role-admin", *person.place, found, f"{project.name}: [member]")


def _examples(policy: Policy) -> Iterator[Finding]:
    for tried in try_examples(policy):
        file, line = tried.example.place
        if not tried.holds:
            shows = None if tried.problem else Shows(Shown.EXAMPLE, told(tried.got))
            claims = None if tried.problem else tried.claims
            found = f"“{tried.example.title}” {tried.difference}"
            fix = f"Correct the rule, or write: access: {_access(tried.got)}"
            yield Finding("example-fails", file, line, found, fix, claims, shows, at=tried.example.at)
        for name, value in tried.example.claims.items():
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and parse_legacy(text) is not None:
                    modern = suggest(text)
                    fix = f"Write {modern}" if modern else "Remove it: no group entitlement says this"
                    shows = Shows(Shown.DOES_NOT_OPEN, modern or text)
                    found = f"{text} is written in a form of earlier days"
                    yield Finding(
                        "entitlement-legacy", file, line, found, fix, {name: text}, shows, instead=modern or ""
                    )


def _access(got: Any) -> str:
    return "{" + ", ".join(f"{project.name}: [{', '.join(roles)}]" for project, roles in got) + "}"


def _untried(policy: Policy, rules: list[Rule], now: datetime) -> Iterator[Finding]:
    tried = {granted.rule.place for each in try_examples(policy) for granted in each.decision.granted}
    for community, rule in rules:
        if rule.place in tried:
            continue
        provider, claims = good_claims(policy, rule)
        verdict = judged(policy, claims, provider, rule, _during(community, rule, now))
        if isinstance(verdict, Granted):
            found = f"no example is let in by {rule.entitlement}"
            entitlement = claims[provider.claims.entitlements[0]]
            fix = f"Add to `examples`: claims {{{provider.claims.entitlements[0]}: {entitlement}}}, access "
            fix += _access(rule.grants)
            at = _during(community, rule, now)
            yield Finding("rule-without-example", *rule.place, found, fix, claims, Shows(Shown.GRANTED), at=at)


def _during(community: Community, rule: AccessRule, now: datetime) -> datetime:
    """A moment at which the rule holds, now if it does; now where there is none."""
    spans = (community.validity, rule.validity)
    starts = [span.start for span in spans if span.start is not None]
    ends = [span.until - _MOMENT for span in spans if span.until is not None]
    for moment in (now, *starts, *ends):
        if all(span.holds(moment) for span in spans):
            return moment
    return now


def _validity(policy: Policy, rule: Rule, now: datetime) -> Iterator[Finding]:
    community, access = rule
    best: Refused | Refusal | None = None
    shown: tuple[IdentityProvider, Login] | None = None
    moment = _during(community, access, now)
    for provider in policy.site.sign_ins:
        _, claims = good_claims(policy, access, provider)
        verdict = judged(policy, claims, provider, access, moment)
        if isinstance(verdict, Granted):
            yield from _ended(policy, rule, provider, claims, now)
            return
        if verdict is not None and (best is None or provider.id in access.identity_providers):
            best, shown = verdict, (provider, claims)
    if best is not None and shown is not None:
        found = f"{access.entitlement} gives nobody anything: {best.detail}"
        shows = Shows(Shown.REFUSED, best.reason)
        fix = f"Change the condition on {best.reason.value.replace('-', ' ')}, or remove the rule"
        yield Finding("rule-never-gives", *access.place, found, fix, shown[1], shows, at=moment)


def _ended(policy: Policy, rule: Rule, provider: IdentityProvider, claims: Login, now: datetime) -> Iterator[Finding]:
    community, access = rule
    for what, span in ((f"the community {community.name}", community.validity), ("the rule", access.validity)):
        if span.until is not None and span.until <= now:
            verdict = judged(policy, claims, provider, access, now)
            if isinstance(verdict, Refused):
                found = f"{what} ended {span.until:%Y-%m-%d}"
                fix = f"Write a new `until:` after {now:%Y-%m-%d}, or remove it"
                shows = Shows(Shown.REFUSED, verdict.reason)
                yield Finding("rule-ended", *access.place, found, fix, claims, shows, at=now)
            return


def _admin(policy: Policy, rule: Rule, now: datetime) -> Iterator[Finding]:
    access = rule[1]
    for project, roles in access.grants:
        if any(role.lower() == "admin" for role in roles):
            found = f"{access.entitlement} gives admin on {project}"
            yield _gets(policy, rule, now, ("role-admin", found, f"{project.name}: [member]"))


def _gets(policy: Policy, rule: Rule, now: datetime, words: tuple[str, str, str]) -> Finding:
    """A finding that is shown by what the rule gives."""
    community, access = rule
    code, found, fix = words
    provider, claims = good_claims(policy, access)
    at = _during(community, access, now)
    granted = isinstance(judged(policy, claims, provider, access, at), Granted)
    login, shows = (claims, Shows(Shown.GRANTED)) if granted else (None, None)
    return Finding(code, *access.place, found, fix, login, shows, at=at)


def _names(rule: AccessRule) -> Iterator[str]:
    yield from dict.fromkeys((str(rule.entitlement), *filter(None, [rule.group_name]), *_grant_names(rule)))


def _grant_names(rule: AccessRule) -> Iterator[str]:
    for project, roles in rule.grants:
        yield from (project.domain, project.name, *roles)


def _odd_names(policy: Policy, rule: Rule, now: datetime) -> Iterator[Finding]:
    for name in _names(rule[1]):
        tidy = unicodedata.normalize("NFC", "".join(c for c in name if c.isprintable()))
        if tidy != name:
            words = ("name-odd-character", f"{name!a} holds an invisible or a composed character", f"Write {tidy}")
            yield replace(_gets(policy, rule, now, words), instead=tidy)


def _twins(policy: Policy, rules: list[Rule], now: datetime) -> Iterator[Finding]:
    first: dict[str, tuple[str, AccessRule]] = {}
    for rule in rules:
        for name in _names(rule[1]):
            twin, other = first.setdefault(unicodedata.normalize("NFKC", name).casefold(), (name, rule[1]))
            if twin != name:
                file, line = other.place
                found = f"{name!a} and {twin!a} ({file}:{line}) look alike and are two"
                if name != str(rule[1].entitlement):
                    yield _gets(policy, rule, now, ("name-twin", found, f"Write {twin} in both places"))
                    continue
                provider, claims = good_claims(policy, rule[1])
                login: Mapping[str, Any] = {**claims, provider.claims.entitlements[0]: twin}
                verdict = judged(policy, login, provider, rule[1], _during(*rule, now))
                shows = Shows(Shown.REFUSED, verdict.reason) if isinstance(verdict, Refused) else None
                fix, at = f"Write {twin} in both places", _during(*rule, now)
                yield Finding("name-twin", *rule[1].place, found, fix, login if shows else None, shows, at=at)
