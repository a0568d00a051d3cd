"""Which old rules the policy can say together. Owns what they must share, and what is said of those that differ.

A policy has one provider here: one subject, one domain, one set of issuers, of entitlement claims, of clients. The
most common one is taken; what differs stays as it is.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from p3idp.core.mappings.importing.attributes import Claim
from p3idp.core.mappings.importing.choices import Choices
from p3idp.core.mappings.importing.naming import names_alike, refuse_unsure_domains
from p3idp.core.mappings.importing.remarks import Remark, kept
from p3idp.core.mappings.importing.terms import CannotSay, Rule, Terms, read_terms
from p3idp.core.mappings.importing.wanted import Fit
from p3idp.errors.importing import ImportImpossible

_MIXED = Remark(
    "changes-user-ids",
    "the rules name people by different claims or domains, and of those that apply the first counts: no rule can leave "
    "its place without making another person of somebody, so all stay as they are",
    (),
    "Let all rules name people alike (which makes new people of some), and import again.",
)
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Common:
    """What the provider of the policy will be. ``issuers``: None where no rule asks for one."""

    subject: str
    domain: str
    issuers: tuple[str, ...]
    assurance: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """``said`` can be policy, with every group as (domain, name); ``naming`` names people for rules that do not."""

    common: Common
    said: tuple[Terms, ...]
    naming: Terms | None
    remarks: tuple[Remark, ...]
    dropped: frozenset[int]


def sort_rules(rules: Sequence[Rule], version: str, choices: Choices) -> Sorted:
    """Sort the rules of a mapping. Raises ImportImpossible where what all need in common is not known."""
    refuse_unsure_domains(rules, version)
    alike = names_alike(rules, version)
    remarks: list[Remark] = [] if alike else [_MIXED]
    terms: list[Terms] = []
    for number, rule in enumerate(rules):
        try:
            terms.append(read_terms(number, rule, version))
        except CannotSay as exc:
            login = {"entitlements": (exc.shows,)} if exc.shows else {}
            remarks.append(kept(exc.code, number, exc.message, login))
    naming = _naming(rules, terms)
    dropped, useful = _useful(terms, remarks, keep_people=not alike)
    named = [_named(each, naming, remarks) for each in useful]
    common = _common([each for each in named if each], naming, choices)
    asked = [each for each in named if each and alike and _fits(each, common, choices, remarks)]
    said = tuple(_resolved(each, choices) for each in asked)
    return Sorted(common, said, naming, tuple(remarks), dropped)


def _naming(rules: Sequence[Rule], terms: Iterable[Terms]) -> Terms | None:
    """The rule that names people for those that name nobody: only where no other names anybody is that sure."""
    if sum(any(local.get("user") for local in rule["local"]) for rule in rules) != 1:
        return None
    return next((each for each in terms if each.subject and not (each.groups or each.grants or each.claim)), None)


def _useful(terms: Iterable[Terms], remarks: list[Remark], *, keep_people: bool) -> tuple[frozenset[int], list[Terms]]:
    """The rules that give something to somebody; the others need no policy."""
    never: list[Terms] = []
    only_people: list[Terms] = []
    useful: list[Terms] = []
    for each in terms:
        kind = never if each.never else useful if each.groups or each.grants else only_people
        kind.append(each)
    if never:
        told = "these rules are met by nobody (an empty any_one_of); they are left out"
        remarks.append(Remark("never-matches", told, tuple(each.number for each in never)))
    if keep_people:
        only_people = []
    if only_people:
        told = "these rules sign people in and give them nothing; the policy lets in whom it gives something"
        remarks.append(Remark("login-without-access", told, tuple(each.number for each in only_people)))
    return frozenset(each.number for each in (*never, *only_people)), useful


def _named(terms: Terms, naming: Terms | None, remarks: list[Remark]) -> Terms | None:
    """A rule that names nobody takes the naming from another, with what that one asks."""
    if terms.subject is not None:
        return terms
    if naming is None or (naming.others and terms.others) or (naming.audiences and terms.audiences):
        remarks.append(kept("names-otherwise", terms.number, "it names nobody, and no rule does for it alone"))
        return None
    told = f"rule {terms.number} names nobody; it is taken together with rule {naming.number}, which does"
    remarks.append(Remark("named-by-another-rule", told, (terms.number,)))
    both = {
        name: mine if theirs is None else theirs if mine is None else mine & theirs
        for name in ("issuers", "clients")
        for mine, theirs in [(getattr(terms, name), getattr(naming, name))]
    }
    return replace(
        terms,
        subject=naming.subject,
        named_by=naming.named_by,
        domain=naming.domain,
        audiences=terms.audiences or naming.audiences,
        others=terms.others or naming.others,
        bare=terms.bare | naming.bare - {naming.subject.name if naming.subject else ""},
        **both,
    )


def most_common(values: Iterable[T]) -> T | None:
    """The value there is most of, the first of several; None where there is none."""
    counted = Counter(values).most_common(1)
    return counted[0][0] if counted else None


def _common(terms: Sequence[Terms], naming: Terms | None, choices: Choices) -> Common:
    named = [*terms, *([naming] if naming else [])]
    subject = most_common(each.subject for each in named if each.subject) or Claim("sub", "OIDC-")
    domains = [choices.groups.get(g, ("", ""))[0] if isinstance(g, str) else g[0] for t in terms for g in t.groups]
    domain = choices.domain or most_common(filter(None, domains)) or most_common(d.domain for d in named if d.domain)
    issuers = tuple(sorted(most_common(each.issuers for each in named if each.issuers) or ()))
    assurance = most_common(name for each in terms for name in each.others)
    if not domain:
        raise ImportImpossible(
            "The rules do not tell for sure which Keystone domain these people and groups belong to.",
            hint="Say --domain NAME: the domain of the identity provider, as `openstack identity provider show` tells.",
        )
    if not issuers and not choices.issuers:
        raise ImportImpossible(
            "The rules do not tell for sure which issuer they are for, so it is not known whose claims these are.",
            hint="Say --issuer URL, as `openstack identity provider show` lists them (remote_ids), or --keystone.",
        )
    return Common(subject.name, domain, issuers or choices.issuers, assurance or "eduperson_assurance")


def _fits(terms: Terms, common: Common, choices: Choices, remarks: list[Remark]) -> bool:
    problem = next(_misfits(terms, common, choices), None)
    if problem:
        remarks.append(kept(problem.code, terms.number, problem.message, _shown(terms, problem.shows)))
        return False
    return True


def _misfits(terms: Terms, common: Common, choices: Choices) -> Iterator[CannotSay]:
    if terms.subject and terms.subject.name != common.subject:
        told = f"it makes the person's id of {terms.subject.name}, the policy of {common.subject}"
        yield CannotSay("names-otherwise", told)
    if terms.domain not in (None, common.domain):
        yield CannotSay("other-domain", f"it puts people into the domain {terms.domain}, not {common.domain}")
    if terms.issuers is not None and terms.issuers != set(common.issuers):
        told = f"it asks for the issuers {', '.join(sorted(terms.issuers))}; most rules ask for others"
        yield CannotSay("other-issuers", told)
    if not terms.claim:
        yield CannotSay("no-entitlement", "it asks for no entitlement")
    more = set(terms.others) - {common.assurance}
    if more:
        yield CannotSay("asks-for-more", f"it asks for values of {', '.join(sorted(more))} besides")
    for each in terms.wanted:
        if each.fit is Fit.ACCEPTS_MORE and not choices.tighten:
            told = f"it takes more than {each.entitlement}: the pattern {each.entry!r} also takes {each.shows!r}"
            yield CannotSay("accepts-more", told, each.shows)
    yield from _foreign_groups(terms, common, choices)


def _foreign_groups(terms: Terms, common: Common, choices: Choices) -> Iterator[CannotSay]:
    if terms.grants and choices.keep_projects:
        # Of several rules with projects, Keystone takes the last one's: they cannot be parted.
        yield CannotSay("gives-projects", "it gives roles on projects, and so do rules that stay as they are")
    if not terms.groups:
        yield CannotSay("gives-projects", "it gives roles on projects directly, and names no group")
    for group in terms.groups:
        if isinstance(group, str) and group not in choices.groups:
            yield CannotSay("group-by-id", f"it names its group by the id {group}")
        elif _where(group, choices) != common.domain:
            yield CannotSay("other-domain", f"its group is in the domain {_where(group, choices)}, not {common.domain}")
        elif choices.needs_roles:
            yield from _unsaid_roles(choices.groups[group] if isinstance(group, str) else group, terms, choices)


def _unsaid_roles(group: tuple[str, str], terms: Terms, choices: Choices) -> Iterator[CannotSay]:
    if elsewhere := choices.unsayable.get(group):
        yield CannotSay("roles-elsewhere", f"its group {group[1]} has {', '.join(elsewhere)}")
    elif not (terms.grants or (choices.roles or {}).get(group)):
        yield CannotSay("no-roles", f"its group {group[1]} has no role on a project")


def _where(group: object, choices: Choices) -> str:
    found = choices.groups.get(group, ("", "")) if isinstance(group, str) else group
    return found[0] if isinstance(found, tuple) else ""


def _shown(terms: Terms, shows: str) -> Mapping[str, object]:
    return {terms.claim: (shows,)} if shows else {}


def _resolved(terms: Terms, choices: Choices) -> Terms:
    return replace(terms, groups=tuple(choices.groups[g] if isinstance(g, str) else g for g in terms.groups))
