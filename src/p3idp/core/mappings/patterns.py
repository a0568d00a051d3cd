"""An entitlement as a regular expression for Keystone. Owns agreement with Entitlement.grants.

Keystone uses re.search: unanchored, and ``$`` also matches before a last newline. So every pattern is anchored
at both true ends and built of the grammar's own pieces; no shape in it can backtrack for long.
"""

import re

from p3idp.core.policy.entitlement import AUTHORITY, ENCODED, MAX_LENGTH, NAME, ROLE, SEGMENT, Entitlement

# At the true beginning, and nothing that is longer than an entitlement can be.
PREAMBLE = rf"\A(?!.{{{MAX_LENGTH + 1}}})"


def keystone_pattern(required: Entitlement) -> str:
    """A pattern that finds exactly the texts whose entitlement grants ``required``."""
    namespace = f"(?ai:{re.escape(required.namespace)}:group:)"
    path = ":".join(_name(part) for part in required.path)
    rest = f"(?::{SEGMENT})*(?:{ROLE}{NAME})?" if required.role is None else ROLE + _name(required.role)
    return rf"{PREAMBLE}{namespace}{path}{rest}(?:{AUTHORITY})?\Z"


def _name(text: str) -> str:
    """A name to the letter, but for its percent-encodings: ``%2F`` and ``%2f`` are one."""
    pieces = ENCODED.split(text)
    encodings = [f"(?ai:{found})" for found in ENCODED.findall(text)]
    return re.escape(pieces[0]) + "".join(e + re.escape(p) for e, p in zip(encodings, pieces[1:], strict=True))
