"""Rules and assertions from a seed, biased to where Keystone surprises. Owns the pools of traps.

Every list below is a table of federation's known traps: separators, list literals, `JSON:`, braces, unanchored and
broken patterns, values that contain `name` or `domain`, entries that are no text, absent and empty claims.
"""

import random
from typing import Any

# fmt: off
SUBJECTS = ["bob", "alice@egi.eu", "", "Zoë", "bob;carol", "{0}", "nul\x00", "o'neil", 'q"uote', "l\n", "\ud800", "1"]
ENTITLEMENT = "urn:mace:egi.eu:group:vo.ops:role=vm_operator#aai.egi.eu"
VALUES = [
    "admins", "ops", "dev", "name", "vo.names.org", "domain-name", "ops-evil", "ADMINS", "1234", "1", "True", "",
    ENTITLEMENT, ENTITLEMENT + "\n", "x" + ENTITLEMENT, ENTITLEMENT.upper(), ENTITLEMENT.split("#")[0],
    "['admins']", "['a', 'b']", "['name']", "[1, 2]", "[]", "('a',)", "([1])", " ['a']", "\n['a']", "[None, True]",
    "[['a']]", "{'a': 1}", "[{'name': 'a', 'domain': {'id': 'd'}}]", "{[]: 1}", "[b'x']", "[...]", "[1j]", "[{1}]",
    "['a' 'b']", "['domain', 'name']", "[1.5, 1e999]", "['a'", "#\n['a']", "[(1, 2)]", "[{(1,): 2}]", "[0x10]",
    'JSON:{"name": "g", "domain": {"id": "d"}}', 'JSON:{"name": "g"}', "JSON:[1, name]", 'JSON:"name"', "JSON:name",
    'JSON:JSON::{"name": "g", "domain": {}}', 'JSON:["domain", "name"]', "JSON:name domain", "xJSON:{name}",
    """['JSON:{"name":"g","domain":{"id":"e"}}', 'JSON:{"name":"h","domain":{"name":"n"}}']""", "['name', 1]",
    "a" * 12, "aaaaaab", "\u202ename", "e\u0301", "é", "\u017f", "\u212a", "k", "\u0130", " ", "\\", "a,b",
    "[", "]", "{", "}", "{}", "[0x" + "f" * 4000 + "]", "[" * 90 + "]" * 90, "-" * 90 + "1", "a.b" * 60,
]
PROJECTS = [
    '[{"name": "p", "roles": [{"name": "r"}]}]',
    '[{"name": "p", "roles": [{"name": "r"}], "domain": {"name": "d"}}]',
    '[{"name": "p", "roles": [], "domain": {}}]',
    "[]", "{}", "null", "1", '[{"name": 1, "roles": []}]', '[{"name": "p"}]', "not json", '[{"x": 1}]', "[NaN]", "",
]
ATTRIBUTES = ["sub", "name", "mail", "groups", "ent", "iss", "json"]
TEMPLATES = [
    "{0}", "{0}", "{0}", "{1}", "{2}", "{0} {1}", "{}", "{} {}", "{0} {}", "{5}", "{00}", "{0}@{1}", "x{0}", "{-1}",
    "fixed", "name", "domain", "", "{{0}}", "{{", "{", "}", "{0", "{sub}", "{0!r}", "{0!s}", "{0!a}", "{0!x}",
    "{0:>5}", "{0:.2}", "{0:5d}", "{0:,}", "{0:>50000000}", "{0:.50000000}", "{0:{1}}", "{0:x<{1}}", "{:\u0663}",
    "{0[0]}", "{0[1]}", "{0[9]}", "{0[x]}", "{0[]}", "{0[-1]}", "{0.__class__}", "{0.__class__.__name__}", "{0.foo}",
    "{0.upper}", "{0[0].__class__}", "{0.}", "{.__class__}", "{0[0]x}", "{99999999999999999999}", "{0:}", "{0!r:>9}",
    "['{0}']", "['{0}', '{1}']", "[{0}]", "['name', 'domain']", 'JSON:{{"name": "{0}", "domain": {{"id": "d"}}}}',
    "{0:c}", "{0:<}", "{0:=5}", "{0[0][0][0]}", "{0.__class__:>9}", "{0.__class__[0]}", "{0[99999999999999999999]}",
]
USUAL_TEMPLATES = ["{0}", "{0}", "{0}", "fixed", "{}", "x{0}", "{1}", "{0} {1}"]
PATTERNS = [
    "admins", "ops", "^ops$", "ops$", "^a", "", ".*", "a|b", "(?i)ADMINS", r"\Aops\Z", "[a-c]", "e\u0301", "(?i)k",
    "(", "[", "*", "a{2", "a{2}", "(?P<x>a)(?P=x)", r"(\w)\1", "(?<=o)ps", "(?<=a*)b", "(?!name)", r"\d+", "(?i)s", "$",
    "urn:mace:egi.eu:group:vo.ops", r"^urn:mace:egi\.eu:group:vo\.ops:role=vm_operator#aai\.egi\.eu$", "(?i)\u0131",
    "(a+)+$", "(a|aa)*c", "(a|b)*", "(ab?)*", "a*a*a*b", "x(?i)y", "(?s).", "(?a)\\w", "a{1,3}?", "\\", "(?x) a b",
    r"\Aurn:mace:egi\.eu:group:(?:vo\.ops|vo\.x)", "^(?ai:URN:)mace", "a++", "(?>a+)b", "^^ops", r"\Z", "(?m)^ops$",
    "[[a]", "(?i:É)", "^(?i:k)", "^(?i:OPS)", "^(?:o)(?:p)s", "^a|^b", "^(?:ops|ops-evil)", "^o(?=p)", "^(?ai:ADMINS)$",
    r"^\[", "^name", "^", r"\A(?:)ops", "^ops{1}", "^o+ps", "^(ops)?", "(?i)^s", "(?ai)^s", ".", "a{99999999999}",
    r"\A(?!.{1025})(?ai:urn:mace:egi\.eu:group:)vo\.ops(?::(?!(?ai:role=))[^:#\s]+)*(?:(?ai::role=)[^:#\s]+)?"
    r"(?:#[^#\s]+)?\Z",
]
ENTRIES = [*VALUES[:20], *VALUES[:3], "bob", "alice@egi.eu"]
ODD = [1, None, True, 1.5, ["a"], {"a": 1}]
JUNK: list[Any] = [None, 1, True, "text", [], {}, [1], {"x": 1}, 1.5]
# fmt: on


class Generator:
    """Questions for both engines, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.counted = 0  # how many values the rule at hand counts

    def question(self, assertions: int) -> dict[str, Any]:
        """One set of rules with several assertions."""
        version = self.dice.choice(["1.0", "2.0", "2.0", "3.0"])
        rules: Any = [self.rule(version) for _ in range(self.dice.choice([1, 1, 2, 3, 4, 6]))]
        if self.chance(0.04):
            rules = self.damaged(rules)
        if self.chance(0.005):
            version = self.dice.choice(["", "4.0", "2", None, 2.0, [], {}])
        asked = [self.assertion() for _ in range(assertions)]
        return {"rules": rules, "schema_version": version, "assertions": asked}

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def rule(self, version: str) -> dict[str, Any]:
        remote = [self.requirement() for _ in range(self.dice.choice([1, 1, 1, 2, 3]))]
        if self.chance(0.6):
            remote.insert(0, {"type": "sub"})
        self.counted = sum(not {"any_one_of", "not_any_of"} & entry.keys() for entry in remote)
        return {
            "local": [self.local(version) for _ in range(self.dice.choice([0, 1, 1, 1, 1, 2, 3]))],
            "remote": remote,
        }

    def requirement(self) -> dict[str, Any]:
        attribute = self.dice.choice(ATTRIBUTES)
        condition = self.dice.choice(
            ["any_one_of"] * 4 + ["not_any_of", "whitelist", "blacklist", "whitelist", None, None]
        )
        if condition is None:
            return {"type": attribute}
        regex = self.chance(0.45)
        entry = {"type": attribute, condition: self.entries(regex)}
        if regex or self.chance(0.1):
            entry["regex"] = regex
        return entry

    def entries(self, regex: bool) -> list[Any]:
        pool = (PATTERNS if self.chance(0.3) else PATTERNS[:10]) if regex else ENTRIES
        chosen: list[Any] = [self.dice.choice(pool) for _ in range(self.dice.choice([0, 1, 1, 2, 2, 3, 5]))]
        if self.chance(0.015):
            chosen.insert(self.dice.randrange(len(chosen) + 1), self.dice.choice(ODD))
        return chosen

    def template(self) -> str:
        """Mostly one that names a value which is there."""
        if self.chance(0.06):
            return self.dice.choice(TEMPLATES)
        usual = USUAL_TEMPLATES if self.counted > 1 else USUAL_TEMPLATES[:-2] if self.counted else ["fixed", "name"]
        return self.dice.choice(usual)

    def local(self, version: str) -> dict[str, Any]:
        made: dict[str, Any] = {}
        if self.chance(0.6):
            members = [name for name in ("id", "name", "email") if self.chance(0.5)]
            made["user"] = {name: self.template() for name in members}
            if self.chance(0.3):
                made["user"]["domain"] = self.domain()
            if self.chance(0.2):
                made["user"]["type"] = self.dice.choice(["local", "ephemeral"])
        if self.chance(0.35):
            by_id = self.chance(0.3)
            made["group"] = {"id": self.template()} if by_id else {"name": self.template(), "domain": self.domain()}
        if self.chance(0.3):
            made["groups"] = self.template()
        if self.chance(0.2):
            made["group_ids"] = self.template()
        if self.chance(0.5):
            made["domain"] = self.domain()
        if self.chance(0.2):
            made["projects"] = [self.project(version) for _ in range(self.dice.randrange(3))]
        if version == "3.0" and self.chance(0.25):
            made["projects_json"] = self.dice.choice(
                ["{0}", "{0}", "{1}", "0", "{0", "x", "", "{9}", "{0}x", "{\u0660}"]
            )
        return self.shuffled(made)

    def shuffled(self, made: dict[str, Any]) -> dict[str, Any]:
        names = list(made)
        self.dice.shuffle(names)
        return {name: made[name] for name in names}

    def domain(self) -> dict[str, str]:
        return {name: self.dice.choice(["egi", "{0}", "d", ""]) for name in ("id", "name") if self.chance(0.55)}

    def project(self, version: str) -> dict[str, Any]:
        made = {"name": self.template(), "roles": [{"name": self.template()} for _ in range(self.dice.randrange(3))]}
        if version != "1.0" and self.chance(0.4):
            made["domain"] = self.domain()
        return made

    def assertion(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for attribute in ATTRIBUTES:
            if self.chance(0.92):
                made[attribute] = self.claim(attribute)
        return made

    def claim(self, attribute: str) -> Any:
        if self.chance(0.02):
            return self.dice.choice(JUNK)
        if attribute == "json" and self.chance(0.8):
            return self.dice.choice(PROJECTS)
        if attribute in ("sub", "name"):
            return self.dice.choice(SUBJECTS if self.chance(0.8) else VALUES)
        usual = VALUES[:8] if self.chance(0.5) else VALUES
        return ";".join(self.dice.choice(usual) for _ in range(self.dice.choice([1, 1, 1, 2, 3, 5])))

    def damaged(self, rules: Any) -> Any:
        """The rules with one thing in them replaced, removed or added; often no longer what Keystone saves."""
        places: list[tuple[Any, Any]] = []
        _walk(rules, places)
        holder, key = self.dice.choice(places)
        act = self.dice.randrange(3)
        if act == 0:
            holder[key] = self.dice.choice(JUNK)
        elif act == 1:
            del holder[key]
        elif isinstance(holder, dict):
            extra = self.dice.choice(["id", "name", "domain", "regex", "whitelist", "projects_json", "type", "foo"])
            holder[extra] = self.dice.choice([*JUNK, holder[key]])
        return rules if self.chance(0.97) else self.dice.choice(JUNK)


def _walk(node: Any, places: list[tuple[Any, Any]]) -> None:
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        places.append((node, key))
        if isinstance(node[key], dict | list):
            _walk(node[key], places)
