"""An entitlement as a regular expression for Keystone. Owns agreement with Entitlement.grants.

Keystone uses re.search: unanchored, and ``$`` also matches before a last newline. So every pattern is anchored
at both true ends and built of the grammar's own pieces; no shape in it can backtrack for long.
"""

import re

from p3idp.core.policy.entitlement import AUTHORITY, MAX_LENGTH, ROLE, ROLE_NAME, SEGMENT, Entitlement

# At the true beginning, and nothing that is longer than an entitlement can be.
PREAMBLE = rf"\A(?!.{{{MAX_LENGTH + 1}}})"


def keystone_pattern(required: Entitlement) -> str:
    """A pattern that finds exactly the texts whose entitlement grants ``required``."""
    namespace = f"(?ai:{re.escape(required.namespace)}:group:)"
    path = ":".join(re.escape(part) for part in required.path)
    rest = f"(?::{SEGMENT})*(?:{ROLE}{ROLE_NAME})?" if required.role is None else ROLE + re.escape(required.role)
    return rf"{PREAMBLE}{namespace}{path}{rest}{AUTHORITY}\Z"
