"""Group entitlements as values (AARC-G002, AARC-G069): parse, compare, and what one grants.

Owns the grammar of group entitlements. Capabilities and the legacy forms are not groups: they parse to None.
"""

import re
from dataclasses import dataclass

# urn:<nid>:<delegated>[:<subnamespace>]*:group:<group>[:<subgroup>]*[:role=<role>][#<authority>]
# Namespace and keywords do not mind case (RFC 8141, AARC-G069), in ASCII only: the Kelvin sign is no k.
# core/mappings builds Keystone's patterns of the same pieces, so that both read a text alike.
GROUP = "(?ai::group:)"
SEGMENT = r"(?!(?ai:role=))[^:#\s]+"
ROLE = "(?ai::role=)"
ROLE_NAME = r"[^:#\s]+"
AUTHORITY = r"(?:#[^#\s]+)?"
_URN = re.compile(
    rf"(?P<ns>(?ai:urn:[a-z0-9][a-z0-9-]{{0,31}}(?::[a-z0-9.\-]+)+?)){GROUP}"
    rf"(?P<path>{SEGMENT}(?::{SEGMENT})*)(?:{ROLE}(?P<role>{ROLE_NAME}))?{AUTHORITY}"
)
MAX_LENGTH = 1024


@dataclass(frozen=True, slots=True, order=True)
class Entitlement:
    """Membership of a group, or a role in its deepest subgroup.

    The authority (the URN's f-component) is kept for showing and never compared: it is not part of the
    name (RFC 8141 section 2.3.3; AARC-G069 deprecates it).
    """

    namespace: str
    path: tuple[str, ...]
    role: str | None = None

    def __str__(self) -> str:
        role = f":role={self.role}" if self.role else ""
        return f"{self.namespace}:group:{':'.join(self.path)}{role}"

    @property
    def short(self) -> str:
        """The part after ``:group:``, which names the community, its subgroup and the role."""
        return str(self).split(":group:", 1)[1]

    def grants(self, required: "Entitlement") -> bool:
        """Whether holding this satisfies ``required``.

        Without a required role, any role in the group or in a subgroup of it will do (AARC-G002 section 3).
        With one, group path and role must be the same: a role binds to the deepest subgroup only.
        """
        if self.namespace != required.namespace:
            return False
        if required.role is None:
            return self.path[: len(required.path)] == required.path
        return self.path == required.path and self.role == required.role


def parse_entitlement(text: str) -> Entitlement | None:
    """Parse one group entitlement; None where the text is not one (a capability, a legacy form, a typo)."""
    if len(text) > MAX_LENGTH:
        return None
    found = _URN.fullmatch(text)
    if found is None:
        return None
    return Entitlement(found["ns"].lower(), tuple(found["path"].split(":")), found["role"])
