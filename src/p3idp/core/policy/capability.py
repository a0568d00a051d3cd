"""Capabilities (AARC-G027): what may be done with a resource. Owns their grammar and what one permits.

Policy speaks of groups, so that no capability opens a project; they are read to be named where one is met.
"""

from dataclasses import dataclass, field

from p3idp.core.policy.entitlement import MAX_LENGTH, NAME, normal, urn

# <namespace>:res:<resource>[:<child>]*[:act:<action>[,<action>]*][#<authority>]
# The guideline wants the authority; EGI Check-in releases urn:mace:egi.eu:res:ggus.eu without.
_PART = rf"(?!(?ai:act:)){NAME}"
_ACTION = r'[!"$-+\--9;->@-~]+'  # no comma
_CAPABILITY = urn("res", rf"({_PART}(?::{_PART})*+)(?:(?ai::act:)({_ACTION}(?:,{_ACTION})*+))?+")


@dataclass(frozen=True, slots=True, order=True)
class Capability:
    """A resource (from the outermost inwards) and actions on it, sorted; no actions means all of them.

    The authority is kept for showing and never compared.
    """

    namespace: str
    path: tuple[str, ...]
    actions: tuple[str, ...] = ()
    authority: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        actions = f":act:{','.join(self.actions)}" if self.actions else ""
        return f"{self.namespace}:res:{':'.join(self.path)}{actions}"

    def grants(self, required: "Capability") -> bool:
        """Whether holding this permits ``required``: the resource or one within it, and each action asked for."""
        within = self.namespace == required.namespace and required.path[: len(self.path)] == self.path
        if not within or not self.actions:
            return within
        return bool(required.actions) and set(required.actions) <= set(self.actions)


def parse_capability(text: str) -> Capability | None:
    """Parse one capability; None where the text is not one."""
    found = _CAPABILITY.fullmatch(normal(text)) if len(text) <= MAX_LENGTH else None
    if found is None:
        return None
    namespace, path, listed, authority = found.groups()
    actions = tuple(sorted(set(listed.split(",")))) if listed else ()
    return Capability(namespace.lower(), tuple(path.split(":")), actions, authority and authority[1:])
