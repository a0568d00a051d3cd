"""Group entitlements as values (AARC-G069, and AARC-G002 before it): parse, compare, and what one grants.

Owns the grammar of group entitlements. Capabilities are capability.py's, forms of earlier days legacy.py's, and what
was meant by a text that is none of these is suggest.py's.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

# urn:<nid>:<delegated>[:<subnamespace>]*:group:<group>[:<subgroup>]*[:role=<role>][#<authority>]
# Namespace and keywords do not mind case (RFC 8141, AARC-G069), in ASCII only: the Kelvin sign is no k.
# A URN is visible ASCII (RFC 8141 section 2); all else comes percent-encoded. So no two texts that look alike are
# one, and it does not matter how a web server decodes bytes before Keystone sees them.
# core/mappings builds Keystone's patterns of the same pieces, so that both read a text alike.
NAME = r'[!"$-9;->@-~]+'  # visible, but no # : ?
SEGMENT = rf"(?!(?ai:role=)){NAME}"
ROLE = "(?ai::role=)"
AUTHORITY = r'#[!"$-~]+'


def urn(keyword: str, name: str) -> re.Pattern[str]:
    """The grammar of a URN whose namespace ends at the first ``:keyword:`` and whose name is this pattern.

    The groups are namespace, those of ``name``, and the authority with its ``#``.
    """
    part = r"[a-z0-9._\-]+"
    # Possessive, and never beyond the keyword: no text makes it look twice.
    namespace = rf"urn:[a-z0-9][a-z0-9-]{{0,31}}:{part}(?::(?!{keyword}:){part})*+"
    return re.compile(rf"(?ai:({namespace}):{keyword}:){name}({AUTHORITY})?+")


_GROUP = urn("group", rf"({SEGMENT}(?::{SEGMENT})*+)(?:{ROLE}({NAME}))?+")
ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
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
    authority: str | None = field(default=None, compare=False)

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
        With one, group path and role must be the same: a role binds to the deepest subgroup only. The namespace must
        be the same too: another one, even below, may be another organisation's.
        """
        if self.namespace != required.namespace:
            return False
        if required.role is None:
            return self.path[: len(required.path)] == required.path
        return self.path == required.path and self.role == required.role


def parse_entitlement(text: str) -> Entitlement | None:
    """Parse one group entitlement as AARC-G069 reads it; None where the text is not one.

    Nothing is decoded. The namespace becomes lower case, the digits of ``%2f`` upper case; all else stays as it came.
    """
    if len(text) > MAX_LENGTH:
        return None
    found = _GROUP.fullmatch(normal(text))
    if found is None:
        return None
    namespace, path, role, authority = found.groups()
    return Entitlement(namespace.lower(), tuple(path.split(":")), role, authority and authority[1:])


def parse_g002(text: str, *, need_authority: bool = False) -> Entitlement | None:
    """Parse as AARC-G002 reads it, which decodes ``%XX`` first, so that ``%3A`` divides like a colon.

    What no URN can hold is encoded anew, so the result compares with what ``parse_entitlement`` gives. Nothing is
    granted by this reading: Keystone cannot follow it. ``need_authority``: as the guideline has it, none is an error.
    """
    if len(text) > MAX_LENGTH:
        return None
    try:
        decoded = unquote(text, errors="strict")
        found = parse_entitlement(quote(decoded, safe=VISIBLE.replace("%", "")))
    except UnicodeError:
        return None
    return None if found and need_authority and found.authority is None else found


def normal(text: str) -> str:
    """``text`` with its percent-encodings in upper case, which are the same as in lower case (RFC 8141 section 3.1)."""
    return ENCODED.sub(lambda found: found[0].upper(), text) if "%" in text else text
