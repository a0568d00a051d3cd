"""Which entitlement an entry of a condition means, and whether it takes exactly that. Owns the reading of patterns.

Understood are texts, the compiler's own patterns, and a text between anchors, with the endings that people write for
the authority or for everything below a group. Whatever else is not understood.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from p3idp.core.mappings.lint.samples import sample
from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.entitlement import Entitlement, parse_entitlement


class Fit(StrEnum):
    """How an entry compares with the policy's rule for its entitlement."""

    SAME = "same"
    # The policy does not compare the authority, nor upper and lower case in the namespace.
    AUTHORITY = "authority"
    ACCEPTS_MORE = "accepts-more"
    WIDER_IN_POLICY = "wider-in-policy"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``text`` is one that the entry takes; ``shows``: one that it takes though it is not this entitlement."""

    entitlement: Entitlement
    fit: Fit
    text: str
    entry: str
    shows: str = ""


class NotUnderstood(ValueError):
    """The entry means no entitlement that could be told; ``code`` is a key of remarks.KEPT."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


_PLAIN = re.compile(r"\\[^A-Za-z0-9]|[^\\^$*+?{}\[\]()|]")
_AUTHORITY_ENDS = frozenset({r"(#.*)?", r"(#.+)?", r"#.*", r"#.+", r"(#[^#]*)?", r"(#[^#]+)?", r"(#aai\.egi\.eu)?"})
_BELOW = frozenset({r"(:.*)?", r"(:.+)?", r"(:.*)?(#.*)?", r"([:#].*)?", ".*"})


def wanted(entry: str, *, regex: bool) -> Wanted:
    """What ``entry`` means. Raises NotUnderstood."""
    if not regex:
        return _literal(entry)
    text = sample(entry)
    found = parse_entitlement(text) if text else None
    if text and found and keystone_pattern(found) == entry:
        return Wanted(found, Fit.SAME, text, entry)
    return _anchored(entry)


def _literal(text: str) -> Wanted:
    found = _parsed(text, text)
    return Wanted(found, Fit.AUTHORITY if found.role else Fit.WIDER_IN_POLICY, text, text)


def _parsed(text: str, entry: str) -> Entitlement:
    found = parse_entitlement(text)
    if found is None:
        raise NotUnderstood("not-an-entitlement", f"{entry!r} is no group entitlement")
    return found


def _anchored(entry: str) -> Wanted:
    begins = entry.startswith(("^", r"\A"))
    rest = entry.removeprefix("^").removeprefix(r"\A")
    ends = rest.endswith(("$", r"\Z")) and not rest.endswith(r"\$")
    rest = rest.removesuffix("$").removesuffix(r"\Z") if ends else rest
    text, loose, tail = _plain_beginning(rest)
    tail = tail.replace("(?:", "(")
    if text.endswith("#"):
        text, tail = text[:-1], f"#{tail}"
    if tail not in _AUTHORITY_ENDS | _BELOW | {""}:
        raise NotUnderstood("not-understood", f"the pattern {entry!r} is more than a text between anchors")
    found = _parsed(text, entry)
    shows = _shows(text, loose, begins=begins, after=tail if tail in _BELOW else "" if ends else ".*")
    if found.role is None:
        # Below a group, a pattern takes whatever follows; without that, the policy would let more in.
        below = tail in _BELOW or not ends
        return Wanted(found, Fit.ACCEPTS_MORE if below else Fit.WIDER_IN_POLICY, text, entry, shows)
    return Wanted(found, Fit.ACCEPTS_MORE if shows else Fit.AUTHORITY, text + _authority(tail), entry, shows)


def _plain_beginning(pattern: str) -> tuple[str, list[int], str]:
    """The text at the beginning of a pattern, where in it a dot takes any character, and what follows."""
    text, loose, at = "", [], 0
    while (found := _PLAIN.match(pattern, at)) and pattern[found.end() : found.end() + 1] not in tuple("*+?{"):
        if found[0] == ".":
            loose.append(len(text))
        text += found[0].removeprefix("\\")
        at = found.end()
    return text, loose, pattern[at:]


def _authority(tail: str) -> str:
    return "#x" if tail in (r"#.*", r"#.+") else ""


def _shows(text: str, loose: list[int], *, begins: bool, after: str) -> str:
    """A text that the pattern takes though it is not the entitlement; empty where there is none."""
    # Behind the authority's sign anything may follow: it is not compared.
    if after and "#" not in text:
        return f"{text}-evil.example.org" if after == ".*" else f"{text}::x"
    if not begins:
        return f"x{text}"
    # Within the authority a loose dot changes nothing: it is not compared.
    telling = [at for at in loose if "#" not in text[:at]]
    return f"{text[: telling[0]]}X{text[telling[0] + 1 :]}" if telling else ""
