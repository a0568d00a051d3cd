"""One old rule as terms that a policy can say, or why it cannot. Owns what of a rule is understood."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Formatter
from typing import Any

from p3idp.core.mappings.importing.attributes import Claim, claim_of
from p3idp.core.mappings.importing.wanted import Fit, NotUnderstood, Wanted, wanted
from p3idp.core.policy.claims import ambiguity

_CLAIM = re.compile(r"[A-Za-z0-9_.-]{1,64}")
Rule = Mapping[str, Any]
# A group as an old rule names it: (domain, name), or its id.
GroupRef = tuple[str, str] | str
Grants = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule asks and gives. None where it does not ask.

    ``subject`` is the claim that the person's id comes from; ``domain`` the one the rule puts people in. ``others``
    are further claims with the values asked for; ``bare`` claims must only be there. ``grants`` are roles that the
    rule gives directly, by project name.
    """

    number: int
    subject: Claim | None = None
    named_by: Claim | None = None
    domain: str | None = None
    issuers: frozenset[str] | None = None
    clients: frozenset[str] | None = None
    audiences: frozenset[str] | None = None
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)
    bare: frozenset[str] = frozenset()
    claim: str = ""
    wanted: tuple[Wanted, ...] = ()
    groups: tuple[GroupRef, ...] = ()
    grants: Grants = ()
    never: bool = False


class CannotSay(ValueError):
    """The policy has no words for this rule; ``code`` is a key of remarks.KEPT, ``shows`` a telling entitlement."""

    def __init__(self, code: str, message: str, shows: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.shows = code, message, shows


def read_terms(number: int, rule: Rule, version: str) -> Terms:
    """The terms of a rule. Raises CannotSay."""
    terms = Terms(number)
    handed: list[Claim | None] = []
    for entry in rule["remote"]:
        terms = _asked(terms, entry)
        if not {"any_one_of", "not_any_of"} & set(entry):
            handed.append(claim_of(entry["type"]))
    for local in rule["local"]:
        terms = _given(terms, local, handed, version)
    implied = {"iss", "azp", "aud", terms.claim, terms.subject.name if terms.subject else "", *terms.others}
    return replace(terms, bare=terms.bare - implied)


def _asked(terms: Terms, entry: Rule) -> Terms:
    claim, prefix = claim_of(entry["type"])
    if not prefix or not _CLAIM.fullmatch(claim):
        raise CannotSay("foreign-attribute", f"it reads {entry['type']!r}, which is no claim of OpenID Connect")
    if "whitelist" in entry or "blacklist" in entry:
        raise CannotSay("selects-values", f"it hands on only some values of {claim} (whitelist or blacklist)")
    if "not_any_of" in entry:
        raise CannotSay("asks-for-absence", f"it asks that {claim} has none of some values (not_any_of)")
    if "any_one_of" not in entry:
        return replace(terms, bare=terms.bare | {claim})
    entries, regex = entry["any_one_of"], entry.get("regex", False)
    if not all(isinstance(each, str) for each in entries):
        raise CannotSay("not-understood", f"a value asked of {claim} is no text")
    if not entries:
        return replace(terms, never=True)
    if any("urn:" in each for each in entries) and claim not in ("iss", "azp", "aud"):
        return _entitlements(terms, claim, entries, regex=regex)
    return _narrowed(terms, claim, frozenset(_texts(claim, entries, regex=regex)))


def _texts(claim: str, entries: Sequence[str], *, regex: bool) -> Iterator[str]:
    for entry in entries:
        text = _plain_text(entry) if regex else entry
        if text is None:
            raise CannotSay("not-understood", f"the pattern {entry!r} for {claim} is more than a text between anchors")
        if why := ambiguity(text) or ("nothing" if not text else "more than 255 characters" if len(text) > 255 else ""):
            raise CannotSay("asks-for-more", f"it asks {claim} for {text!r}, which holds {why}: no policy may")
        yield text


def _plain_text(pattern: str) -> str | None:
    """The only text that an anchored pattern takes; None where it takes others too."""
    inner = pattern.removeprefix("^").removesuffix("$").replace("\\.", "\0")
    if not (pattern.startswith("^") and pattern.endswith("$")) or set(inner) & set(r".^$*+?{}[]()|\\"):
        return None
    return inner.replace("\0", ".")


def _narrowed(terms: Terms, claim: str, values: frozenset[str]) -> Terms:
    fields = {"iss": "issuers", "azp": "clients", "aud": "audiences"}
    if claim not in fields:
        if claim in terms.others:
            raise CannotSay("asks-for-more", f"it asks for two values of {claim} at once")
        return replace(terms, others={**terms.others, claim: values})
    present: frozenset[str] | None = getattr(terms, fields[claim])
    if present is not None and claim == "aud":
        raise CannotSay("asks-for-more", "it asks for two audiences at once")
    found = values if present is None else present & values
    changes: dict[str, Any] = {fields[claim]: found}
    return replace(terms, never=terms.never or not found, **changes)


def _entitlements(terms: Terms, claim: str, entries: Sequence[str], *, regex: bool) -> Terms:
    if terms.claim:
        raise CannotSay("asks-for-more", f"it asks for an entitlement in {terms.claim} and one in {claim} at once")
    try:
        found = tuple(wanted(entry, regex=regex) for entry in entries)
    except NotUnderstood as exc:
        raise CannotSay(exc.code, exc.message) from exc
    for each in found:
        if each.fit is Fit.WIDER_IN_POLICY:
            told = f"it takes {each.entry!r} to the letter; a policy rule for that group would take its roles too"
            raise CannotSay("wider-in-policy", told, f"{each.entitlement}:role=any")
    return replace(terms, claim=claim, wanted=found)


def _given(terms: Terms, local: Rule, handed: Sequence[Claim | None], version: str) -> Terms:
    if "projects_json" in local:
        raise CannotSay("gives-projects", "it takes projects from a claim (projects_json)")
    if "group_ids" in local or "groups" in local:
        raise CannotSay("groups-from-claim", "it takes groups from a text (groups, group_ids)")
    if local.get("user") and terms.subject is None:
        terms = _named(terms, local["user"], local.get("domain"), handed, version)
    if "group" in local:
        terms = replace(terms, groups=(*terms.groups, _group(local["group"])))
    if "projects" in local:
        grants = ((_constant(p["name"]), tuple(_constant(r["name"]) for r in p["roles"])) for p in local["projects"])
        terms = replace(terms, grants=(*terms.grants, *grants))
    return terms


def _named(terms: Terms, user: Rule, domain: Any, handed: Sequence[Claim | None], version: str) -> Terms:
    if user.get("type") == "local":
        raise CannotSay("local-user", "it signs people in as local users")
    subject = _field(user.get("id") or user.get("name") or "", handed)
    if subject is None:
        told = f"it makes the person's id of {user.get('id') or user.get('name')!r}, not of one claim alone"
        raise CannotSay("names-otherwise", told)
    where = (user.get("domain") or domain or {}) if version != "1.0" else {}
    if where.get("id"):
        raise CannotSay("other-domain", f"it puts people into the domain with the id {where['id']!r}")
    name = _field(user.get("name") or user.get("id") or "", handed)
    return replace(terms, subject=subject, named_by=name, domain=where.get("name"))


def _field(text: str, handed: Sequence[Claim | None]) -> Claim | None:
    number = text.removeprefix("{").removesuffix("}")
    if text != f"{{{number}}}" or not number.isdecimal() or not number.isascii() or int(number) >= len(handed):
        return None
    return handed[int(number)]


def _group(group: Rule) -> GroupRef:
    if "id" in group:
        return _constant(group["id"])
    domain = group["domain"].get("name")
    if not domain:
        raise CannotSay("other-domain", "it names its group's domain by id")
    return _constant(domain), _constant(group["name"])


def _constant(text: str) -> str:
    """A text of ``local`` that is the same for everybody."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as exc:
        raise CannotSay("groups-from-claim", f"{text!r} cannot be filled in") from exc
    if any(name is not None for _, name, _, _ in parts):
        raise CannotSay("groups-from-claim", f"it makes the name {text!r} of claims")
    constant = "".join(before for before, _, _, _ in parts)
    if not 0 < len(constant) <= 64 or constant != constant.strip() or not constant.isprintable():
        raise CannotSay("groups-from-claim", f"the name {text!r} is none that a policy may hold")
    return constant
