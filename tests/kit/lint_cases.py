"""Keystone mappings with one defect each, and the same without it: what lint must find, and must not find.

Above each case, who would be hurt. The codes of the catalogue are the keys; a number after one tells cases apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Rule = Mapping[str, Any]
EGI = {"name": "egi"}
SUB = {"type": "OIDC-sub"}
ISS = {"type": "OIDC-iss", "any_one_of": ["https://aai.egi.eu/auth/realms/egi"]}
ENT = "OIDC-entitlements"
OPS = "urn:mace:egi.eu:group:ops:role=vm_operator#aai.egi.eu"
USER = {"id": "{0}", "name": "{0}", "domain": EGI}
OPERATORS = {"name": "operators", "domain": EGI}
GIVES = {"user": USER, "group": OPERATORS}


@dataclass(frozen=True)
class Case:
    """``line`` is where the finding must be, counted in the JSON with one element a line."""

    wrong: list[Rule]
    right: list[Rule]
    version: str = "2.0"


def rule(*remote: dict[str, Any], local: Any = None) -> Rule:
    return {"local": [GIVES] if local is None else local, "remote": list(remote)}


def entitled(local: Any = None, **condition: Any) -> Rule:
    """A rule on the entitlements; a good login is one of Check-in's."""
    return rule(SUB, ISS, {"type": ENT, **condition}, local=local)


def patterned(pattern: Any) -> Rule:
    return entitled(any_one_of=[pattern], regex=True)


def barring(text: str, **how: Any) -> Rule:
    return rule(SUB, ISS, {"type": ENT, "any_one_of": [OPS]}, {"type": ENT, "not_any_of": [text], **how})


def projects(name: str = "p", role: str = "member", **more: Any) -> list[dict[str, Any]]:
    return [{"user": USER, "projects": [{"name": name, "roles": [{"name": role}]}], **more}]


def groups(text: str = "{1}", **more: Any) -> list[dict[str, Any]]:
    return [{"user": USER, "groups": text, **({"domain": EGI} | more)}]


def user(**members: Any) -> list[dict[str, Any]]:
    return [{"user": {"domain": EGI, **members}, "group": OPERATORS}]


GOOD = [entitled(any_one_of=[OPS])]
CLOSED = r"\Aurn:mace:egi\.eu:group:ops:role=vm_operator#aai\.egi\.eu\Z"

CASES: Mapping[str, Case] = {
    # Nobody gets in: the pattern of another rule is broken.
    "pattern-invalid": Case([patterned("urn:mace:egi.eu:group:(ops"), *GOOD], GOOD),
    "pattern-not-text": Case([patterned(5)], GOOD),
    # A community whose name begins with "ops" gets the operators' group.
    "pattern-unanchored": Case([patterned("urn:mace:egi.eu:group:ops")], [patterned(CLOSED)]),
    "pattern-unanchored 1": Case([patterned(r"^urn:mace:egi\.eu:group:ops.*$")], [patterned(CLOSED)]),
    "pattern-unanchored 2": Case([patterned(r"ops:role=vm_operator\Z")], [patterned(CLOSED)]),
    "pattern-unanchored 3": Case([patterned(r"\Aurn:a\Z|urn:b")], [patterned(r"\A(?:urn:a|urn:b)\Z")]),
    "pattern-unanchored 4": Case([patterned(CLOSED.removesuffix(r"\Z"))], [patterned(CLOSED)]),
    # Whoever manages a community makes a subgroup "ops" of it, and is an operator of ops. As EGI documents it:
    "pattern-across-names": Case(
        [patterned("^urn:mace:egi.eu:.*:ops:vm_operator@egi.eu$")],
        [patterned(r"\Aurn:mace:egi\.eu:[^:#]+:ops:vm_operator@egi\.eu\Z")],
    ),
    "pattern-across-names 1": Case(
        [patterned("urn:mace:egi.eu:group:.*:role=vm_operator")],
        [patterned(r"\Aurn:mace:egi\.eu:group:[^:#]+:role=vm_operator(#.*)?\Z")],
    ),
    "pattern-across-names 2": Case([patterned(CLOSED.replace(":ops:", ":([^#]+):"))], [patterned(CLOSED)]),
    "pattern-across-names 3": Case(
        [patterned(CLOSED.replace(":ops:", r":ops[\w:.-]*:"))],
        [patterned(CLOSED.replace(":ops:", ":ops(?::[^:#]+)*:"))],
    ),
    "pattern-across-names 4": Case([patterned(CLOSED.replace(":ops:", ":.+:ops:"))], [patterned(CLOSED)]),
    "pattern-across-names 5": Case([patterned(r".*:ops:role=vm_operator#aai\.egi\.eu\Z")], [patterned(CLOSED)]),
    "pattern-across-names 6": Case([patterned(CLOSED.replace(r"egi\.eu:g", ".*:g"))], [patterned(CLOSED)]),
    "pattern-across-names 7": Case([patterned(CLOSED + "|" + CLOSED.replace("ops", r"\S+?"))], [patterned(CLOSED)]),
    "pattern-dot": Case([patterned(CLOSED.replace(r"egi\.eu:g", "egi.eu:g"))], [patterned(CLOSED)]),
    "pattern-dollar": Case([patterned(CLOSED.replace(r"\Z", "$"))], [patterned(CLOSED)]),
    "pattern-anything": Case([patterned(".*")], [patterned(CLOSED)]),
    "pattern-anything 1": Case([patterned("")], [patterned(CLOSED)]),
    # One login stops a worker of Keystone.
    "pattern-slow": Case([patterned(r"\A(a+)+\Z")], [patterned(r"\Aa+\Z")]),
    "pattern-slow 1": Case([patterned(r"\A(\w+\s?)*\Z")], [patterned(CLOSED)]),
    "pattern-slow 2": Case([patterned(r"\A(a|aa)+\Z")], [patterned(CLOSED)]),
    "pattern-slow 3": Case([patterned(r"\A(?:.*a){12}\Z")], [patterned(CLOSED)]),
    "pattern-slow 4": Case([patterned(r"\A([^:]+:?)+\Z")], [patterned(CLOSED)]),
    "pattern-slow 5": Case([patterned(r"(x+x+)+y")], [patterned(CLOSED)]),
    "entry-not-text": Case([entitled(any_one_of=[17])], GOOD),
    "entry-not-text 1": Case([entitled(any_one_of=[["a"]])], GOOD),
    # Listed beside its text, so that the text matches all the same.
    "entry-not-text 2": Case([entitled(any_one_of=["5", 5])], [entitled(any_one_of=["5"])]),
    "entry-semicolon": Case([entitled(any_one_of=["a;b"])], [entitled(any_one_of=["a", "b"])]),
    "entry-odd-character": Case([entitled(any_one_of=[f"{OPS} "])], GOOD),
    "entry-odd-character 1": Case([entitled(any_one_of=["cafe\u0301"])], [entitled(any_one_of=["café"])]),
    "entry-odd-character 2": Case([entitled(any_one_of=["ops\u200b"])], [entitled(any_one_of=["ops"])]),
    "entry-looks-like-pattern": Case([entitled(any_one_of=["^urn:mace:egi\\.eu:group:ops:.*$"])], GOOD),
    "condition-empty": Case([entitled(any_one_of=[])], GOOD),
    "condition-empty 1": Case([entitled(not_any_of=[])], GOOD),
    "condition-empty 2": Case([entitled(groups(), whitelist=[])], [entitled(groups(), whitelist=["ops"])]),
    # Whoever has no entitlement at all is shut out by a rule that bars one.
    "absent-attribute": Case([rule(SUB, ISS, {"type": "OIDC-acr", "not_any_of": ["low"]})], GOOD),
    # The friends of the banned are none of them.
    "exclusion-open": Case([barring("urn:mace:egi.eu:group:banned", regex=True)], [barring("urn:x:banned")]),
    "exclusion-open 1": Case([barring("banned$", regex=True)], [barring(".*banned$", regex=True)]),
    "only-exclusions": Case([entitled(not_any_of=["urn:x:banned"])], GOOD),
    "matches-everybody": Case([rule(SUB, ISS)], GOOD),
    # A stranger gets the operators' group: a whitelist is no gate.
    "whitelist-no-gate": Case([entitled(whitelist=[OPS])], GOOD),
    "whitelist-no-gate 1": Case([entitled(blacklist=["urn:x:banned"])], GOOD),
    "never-matches": Case(
        [rule(SUB, ISS, {"type": ENT, "any_one_of": [OPS]}, {"type": ENT, "not_any_of": [OPS, "x"]})], GOOD
    ),
    "attribute-case": Case([rule(SUB, ISS, {"type": "OIDC-Entitlements", "any_one_of": [OPS]})], GOOD),
    "attribute-forgeable": Case([rule({"type": "HTTP_OIDC_SUB"}, ISS, {"type": ENT, "any_one_of": [OPS]})], GOOD),
    "attribute-optional": Case(
        [
            rule(
                *(SUB, ISS, {"type": ENT, "any_one_of": [OPS]}, {"type": "OIDC-email"}),
                local=user(id="{0}", email="{1}"),
            )
        ],
        GOOD,
    ),
    # any_one_of is not counted: {1} is not the entitlement.
    "index-out-of-range": Case(
        [entitled(user(id="{1}"), any_one_of=[OPS])], [entitled(user(id="{0}"), any_one_of=[OPS])]
    ),
    "template-broken": Case([entitled(user(id="{sub}"), any_one_of=[OPS])], GOOD),
    "template-broken 1": Case([entitled(user(id="{0"), any_one_of=[OPS])], GOOD),
    "template-unnumbered": Case([entitled(user(id="{}"), any_one_of=[OPS])], GOOD),
    "template-inside": Case([entitled(user(id="{0.__class__}"), any_one_of=[OPS])], GOOD),
    "template-inside 1": Case([entitled(user(id="{0[0]}"), any_one_of=[OPS])], GOOD),
    # Two people whose subjects begin alike are one.
    "template-format": Case([entitled(user(id="{0:.4}"), any_one_of=[OPS])], GOOD),
    "template-format 1": Case([entitled(user(id="{0:>50000000}"), any_one_of=[OPS])], GOOD),
    "order-unstable": Case(
        [entitled(user(id="{0}", name="{1}"), whitelist=["a", "b"])], [entitled(user(id="{0}"), any_one_of=["a", "b"])]
    ),
    "rule-gives-nothing": Case([entitled([], any_one_of=[OPS])], GOOD),
    "groups-without-domain": Case(
        [entitled([{"user": USER, "groups": "{1}"}], whitelist=["a"])], [entitled(groups(), whitelist=["a"])]
    ),
    # The community vo.names.org cannot sign in.
    "groups-letters-name": Case([entitled(groups())], [entitled(groups(), whitelist=["a"])]),
    "groups-letters-name 1": Case([entitled(groups(), whitelist=["vo.names.org"])], GOOD),
    "groups-letters-name 2": Case([entitled(groups("names"), any_one_of=[OPS])], GOOD),
    "group-from-claim": Case([entitled(groups())], [entitled(groups(), whitelist=["a"])]),
    "group-from-claim 1": Case([entitled([{"user": USER, "group_ids": "{1}"}])], GOOD),
    # Past the blacklist of admins, as a list.
    "group-list-literal": Case([entitled(groups(), blacklist=["admins"])], [entitled(groups(), whitelist=["a"])]),
    "group-name-list": Case([entitled([{"user": USER, "group": {"name": "{1}", "domain": EGI}}])], GOOD),
    "group-by-id": Case([entitled([{"user": USER, "group": {"id": "85a8"}}], any_one_of=[OPS])], GOOD),
    "projects-roles-stay": Case([entitled(projects(), any_one_of=[OPS])], GOOD),
    "projects-overwritten": Case(
        [entitled(projects("a"), any_one_of=["a"]), entitled(projects("b"), any_one_of=["b"])], GOOD
    ),
    "projects-from-claim": Case([entitled(projects("p", "{1}"))], [entitled(projects(), any_one_of=[OPS])]),
    "projects-from-claim 1": Case([entitled([{"user": USER, "projects_json": "{1}"}])], GOOD, "3.0"),
    "role-admin": Case([entitled(projects(role="admin"), any_one_of=[OPS])], GOOD),
    "domain-missing": Case([entitled([{"user": {"id": "{0}"}, "group": OPERATORS}], any_one_of=[OPS])], GOOD),
    "domain-missing 1": Case(
        [rule(SUB, ISS, local=[{"user": {"id": "{0}"}}]), entitled([{"group": OPERATORS}], any_one_of=[OPS])],
        [rule(SUB, ISS, local=[{"user": USER}]), entitled([{"group": OPERATORS}], any_one_of=[OPS])],
    ),
    "schema-3-sync": Case(GOOD, GOOD, "3.0"),
    "user-missing": Case([entitled([{"group": OPERATORS}], any_one_of=[OPS])], GOOD),
    # Whoever is in y alone has a group and no name.
    "user-missing 1": Case(
        [rule(SUB, ISS, {"type": ENT, "any_one_of": ["x"]}), entitled([{"group": OPERATORS}], any_one_of=["y"])],
        [rule(SUB, ISS, local=[{"user": USER}]), entitled([{"group": OPERATORS}], any_one_of=["y"])],
    ),
    "user-constant": Case([entitled(user(id="operator"), any_one_of=[OPS, "x"])], GOOD),
    # Alice leaves, another Alice gets the address.
    "user-reassignable": Case(
        [rule({"type": "OIDC-email"}, ISS, {"type": ENT, "any_one_of": [OPS]})],
        [rule({"type": "OIDC-voperson_id"}, ISS, {"type": ENT, "any_one_of": [OPS]})],
    ),
    "user-display-name": Case(
        [rule(SUB, {"type": "OIDC-name"}, ISS, {"type": ENT, "any_one_of": [OPS]}, local=user(id="{0}", name="{1}"))],
        GOOD,
    ),
    # bob;carol becomes the user ['bob', 'carol'].
    "user-splits": Case([rule({"type": "OIDC-affiliation"}, ISS, {"type": ENT, "any_one_of": [OPS]})], GOOD),
    "user-local": Case([entitled(user(id="{0}", type="local"), any_one_of=[OPS])], GOOD),
    "user-second": Case(
        [*GOOD, rule({"type": "OIDC-voperson_id"}, ISS, {"type": ENT, "any_one_of": ["x"]})],
        [*GOOD, entitled(any_one_of=["x"])],
    ),
    "user-second 1": Case(
        [
            rule(SUB, ISS, local=[{"user": USER}]),
            rule({"type": "OIDC-voperson_id"}, SUB, ISS, {"type": ENT, "any_one_of": ["x"]}),
        ],
        [rule(SUB, ISS, local=[{"user": USER}]), entitled(any_one_of=["x"])],
    ),
    "issuer-unchecked": Case([rule(SUB, {"type": ENT, "any_one_of": [OPS]})], GOOD),
    "rule-repeated": Case([*GOOD, *GOOD], GOOD),
    # Narrowing the second rule changes nothing: the first lets the same people in.
    "rule-shadowed": Case([entitled(any_one_of=[OPS, "x"]), entitled(any_one_of=["x"])], GOOD),
    "rule-shadowed 1": Case([entitled(any_one_of=["x"]), entitled(any_one_of=[OPS, "x"])], GOOD),
    "condition-repeated": Case(
        [*GOOD, entitled([{"user": USER, "group": {"name": "more", "domain": EGI}}], any_one_of=[OPS])], GOOD
    ),
}
# Two rules that could be one harm nobody, nor does an entry that another one stands in for.
WITHOUT_LOGIN = frozenset({"condition-repeated", "entry-not-text 2"})
