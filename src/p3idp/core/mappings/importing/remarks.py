"""What an import has to say to the operator. Owns the remarks and their words on what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from p3idp.core.audit.event import Json

Login = Mapping[str, object]

# Why a rule stays as it is, and what the operator can do about it.
KEPT: Mapping[str, str] = {
    "accepts-more": "Import again with --tighten to ask for the entitlement itself, or correct the pattern first.",
    "wider-in-policy": "A policy rule without a role takes any role and subgroup; write one if that is meant.",
    "not-an-entitlement": "Find out which group entitlement (AARC-G069) is meant, and write a policy rule for it.",
    "not-understood": "Write the pattern as the entitlement alone (no regex), and import again.",
    "selects-values": "Policy asks for one of several values; write a rule for each value that is meant.",
    "asks-for-absence": "Policy has no rule that asks for what somebody has not; give the others an entitlement.",
    "asks-for-more": "Policy asks for entitlement, assurance, client and issuer; ask the provider for an entitlement.",
    "foreign-attribute": "Use the claim that p3idp's Apache passes (OIDC-…) in the rule, and import again.",
    "group-by-id": "Import again with --keystone, which tells the group's name; or name the group in the rule.",
    "groups-from-claim": "Write a policy rule for each group that is meant, with the entitlement that opens it.",
    "gives-projects": "Name a group beside the projects and import again: the policy gives roles through groups.",
    "no-roles": "Give the group a role on a project and import again, or write the rule into a community by hand.",
    "roles-elsewhere": "Give those roles to another group, or leave the rule: a policy gives roles on projects alone.",
    "no-entitlement": "Give these people an entitlement, and write a policy rule for it.",
    "local-user": "Grant local users their roles directly; federated people are made at their first login.",
    "names-otherwise": "Under the policy everybody known by this rule would become a new person: leave it.",
    "other-domain": "A policy has one domain; a second policy directory can serve the other.",
    "other-issuers": "Keystone refuses issuers that the policy does not list: correct the rule, or make a provider.",
    "other-claim-names": "Let all rules ask for the same entitlement claims, and import again.",
    "other-clients": "List the clients and audiences alike in all rules, and import again.",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to know. ``rules`` count from 0; ``login``: claims that show it; ``kept``: it stays as it is."""

    code: str
    told: str
    rules: tuple[int, ...] = ()
    todo: str = ""
    login: Login = field(default_factory=dict, hash=False)
    kept: bool = False

    def as_json(self) -> Mapping[str, Json]:
        """The remark for machines."""
        login: Json = {name: value if isinstance(value, str) else list(value) for name, value in self.login.items()}  # type: ignore[call-overload]  # claims are texts or lists of them
        return {
            "code": self.code,
            "told": self.told,
            "rules": list(self.rules),
            "todo": self.todo,
            "login": login,
            "verbatim": self.kept,
        }


def kept(code: str, number: int, told: str, login: Login | None = None) -> Remark:
    """A remark on a rule that stays as it is."""
    return Remark(code, told, (number,), KEPT[code], login or {}, kept=True)
