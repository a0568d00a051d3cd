"""A published catalogue of communities (VOs), each with the entitlement that opens it, as EGI keeps one.

Owns what an entry means and how a community of the policy stands to it; reading the file is adapters/policy_files.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import Community
from p3idp.core.policy.suggest import is_plain, suggest

VO_PROPERTY = "egi.VO"


@dataclass(frozen=True, slots=True)
class Entry:
    """One community as the catalogue has it: its name there, the text of its entitlement, and (file, line)."""

    vo: str
    text: str
    place: tuple[str, int]

    @property
    def entitlement(self) -> Entitlement | None:
        """The entitlement; None where the text is not one that somebody would write on purpose."""
        return parse_entitlement(self.text) if is_plain(self.text) else None

    @property
    def fix(self) -> str | None:
        """What a malformed text probably means; None where nothing is likely, or the text is good."""
        return suggest(self.text)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries by name. ``file``: where it was read from, for people."""

    file: str
    entries: Mapping[str, Entry]

    def near(self, vo: str) -> str | None:
        """The name that was probably meant."""
        folded = {name.casefold(): name for name in self.entries}
        found = difflib.get_close_matches(vo.casefold(), folded, n=1, cutoff=0.7)
        return folded[found[0]] if found else None


class Standing(StrEnum):
    """How a community of the policy stands to the catalogue. Once released, a word keeps its meaning."""

    SAME = "same"
    DIFFERENT = "different"
    MALFORMED = "malformed"
    UNLISTED = "unlisted"


def vo_name(community: Community) -> str:
    """The name by which the world knows a community: what its projects say in ``egi.VO``, else its file's name."""
    said = (value for project in community.projects for name, value in project.properties if name == VO_PROPERTY)
    return next(said, community.name)


def standing(community: Community, catalogue: Catalogue) -> Standing:
    """Whether the catalogue has the community, and with an entitlement that one of its rules asks for."""
    entry = catalogue.entries.get(vo_name(community))
    if entry is None:
        return Standing.UNLISTED
    if entry.entitlement is None:
        return Standing.MALFORMED
    held = entry.entitlement
    asked = any(held.grants(rule.entitlement) and rule.entitlement.grants(held) for rule in community.rules)
    return Standing.SAME if asked else Standing.DIFFERENT
