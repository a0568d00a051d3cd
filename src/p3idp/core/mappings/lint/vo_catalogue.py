"""Lint a catalogue of communities: entitlements that nobody can hold, that two share, and roles out of the ordinary."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from p3idp.core.mappings.lint.finding import Finding, Login
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.policy.entitlement import Entitlement
from p3idp.core.policy.vo_catalogue import Catalogue, Entry

CLAIM = "eduperson_entitlement"
# One community in so many asks for an unusual role; of fewer communities nothing is usual.
_ONE_IN = 20
_FEW = 10


def lint_catalogue(catalogue: Catalogue) -> list[Finding]:
    """The findings of a catalogue."""
    entries = sorted(catalogue.entries.values(), key=lambda entry: entry.place)
    return [*_malformed(entries), *_shared(entries), *_unusual(entries), *_names(entries)]


def held(text: object) -> Login:
    """The login of somebody who holds this entitlement."""
    return {CLAIM: str(text)}


def _malformed(entries: Sequence[Entry]) -> Iterator[Finding]:
    for entry in entries:
        if entry.entitlement is None:
            right = entry.fix or f"urn:mace:egi.eu:group:{entry.vo}:role=vm_operator#aai.egi.eu"
            found = f"{entry.vo}: {entry.text!r} is no group entitlement"
            fix = f"Write {entry.fix}" if entry.fix else "Write it as urn:mace:egi.eu:group:<VO>:role=<role>"
            shows = Shows(Shown.DOES_NOT_OPEN, entry.text)
            code = "entitlement-malformed"
            yield Finding(code, *entry.place, found, fix, held(right), shows, instead=entry.fix or "")


def _shared(entries: Sequence[Entry]) -> Iterator[Finding]:
    first: dict[Entitlement, Entry] = {}
    for entry in entries:
        if entry.entitlement is None:
            continue
        other = first.setdefault(entry.entitlement, entry)
        if other is not entry:
            found = f"{entry.vo} and {other.vo} (line {other.place[1]}) stand for the same entitlement"
            fix = f"Give {entry.vo} an entitlement of its own, such as a subgroup, or remove one of the two"
            shows = Shows(Shown.OPENS, entry.text)
            yield Finding("entitlement-shared", *entry.place, found, fix, held(other.text), shows)


def _unusual(entries: Sequence[Entry]) -> Iterator[Finding]:
    asked = [(entry, entry.entitlement) for entry in entries if entry.entitlement is not None]
    roles = Counter(entitlement.role for _, entitlement in asked)
    if len(asked) < _FEW:
        return
    usual = [role for role, times in roles.most_common() if times * _ONE_IN > len(asked)]
    for entry, entitlement in asked:
        if entitlement.role not in usual:
            told = f"role={entitlement.role}" if entitlement.role else "no role"
            others = " and ".join(f"role={role}" if role else "no role" for role in usual)
            found = f"{entry.vo} asks for {told}; other communities ask for {others}"
            right = replace(entitlement, role=usual[0])
            shows = Shows(Shown.DOES_NOT_OPEN, entry.text)
            fix = f"Ask {entry.vo} whether {told} is meant; if not, write {right}"
            yield Finding("role-unusual", *entry.place, found, fix, held(right), shows)


def _names(entries: Sequence[Entry]) -> Iterator[Finding]:
    first: dict[str, Entry] = {}
    for entry in entries:
        tidy = unicodedata.normalize("NFC", "".join(c for c in entry.vo if c.isprintable())).strip()
        if tidy != entry.vo:
            found = f"{entry.vo!a} holds a blank at an end, an invisible or a composed character"
            yield Finding("name-odd-character", *entry.place, found, f"Write {tidy}", instead=tidy)
        other = first.setdefault(unicodedata.normalize("NFKC", tidy).casefold(), entry)
        if other is not entry:
            found = f"{entry.vo!a} and {other.vo!a} (line {other.place[1]}) look alike and are two"
            yield Finding("name-twin", *entry.place, found, "Write them the same, or tell them apart")
