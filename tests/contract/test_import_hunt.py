"""Old mappings of every kind, and logins that the import did not make up itself: none comes out otherwise unsaid."""

import random
from collections.abc import Iterator

from whole_policies import NOW

from p3idp.adapters.policy_files.new_directory import NewDirectory
from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.importing.choices import Choices
from p3idp.core.mappings.importing.replaying import Replay
from p3idp.errors.importing import ImportDiffers, ImportImpossible
from p3idp.ops.import_mapping import MappingImport

A, B = "urn:mace:egi.eu:group:a.x", "urn:mace:egi.eu:group:b"
EXACT = r"^urn:mace:egi\.eu:group:a\.x:role=m#aai$"
WANTED = [f"{A}:role=m#aai", f"{A}:role=n", B, EXACT, EXACT.replace("\\.", "."), f"^{B}(:.*)?$", "vm", "^.*a.*$"]
HELD = [
    f"{A}:role=m#aai",
    f"{A}:role=m",
    f"{A}:role=n#z",
    B,
    f"{B}:role=q",
    f"{B}-evil",
    A.replace(".", "X"),
    "vm",
    "a",
]
DOMAIN = {"name": "egi"}
USERS = [
    {"name": "{0}"},
    {"id": "{0}", "name": "{1}"},
    {"name": "{0}", "email": "{1}"},
    {"name": "{1}"},
    {"name": "x{0}"},
]
GROUPS = [{"name": n, "domain": {"name": d}} for n, d in (("g1", "egi"), ("g2", "egi"), ("g1", "other"))] + [
    {"id": "i"}
]


class Hunter:
    """Makes old mappings and logins, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.version = self.dice.choice(["1.0", "2.0"])
        self.user = self.dice.choice([None, *USERS[:3], *USERS[:3]])

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def rules(self) -> list[dict]:
        return [self.rule() for _ in range(self.dice.randint(1, 5))]

    def rule(self) -> dict:
        local: dict = {}
        if self.chance(0.95):
            local["user"] = {**(self.user or self.dice.choice(USERS)), "domain": DOMAIN}
        if self.chance(0.9):
            local["group"] = self.dice.choice(GROUPS)
        if self.chance(0.15):
            local["projects"] = [{"name": self.dice.choice("pq"), "roles": [{"name": "r"}]}]
        return {"local": [local] if local else [], "remote": list(self.remote())}

    def remote(self) -> Iterator[dict]:
        yield {"type": self.dice.choice(["OIDC-sub", "HTTP_OIDC_SUB"])}
        yield {"type": "OIDC-email"}
        if self.chance(0.9):
            yield {"type": "OIDC-iss", "any_one_of": self.dice.choice([["https://i"], ["https://i"], ["https://j"]])}
        if self.chance(0.3):
            condition = self.dice.choice(["any_one_of", "any_one_of", "not_any_of"])
            yield {"type": "OIDC-azp", condition: self.dice.sample(["c1", "c2"], self.dice.randint(1, 2))}
        if self.chance(0.15):
            yield {"type": "OIDC-aud", "any_one_of": ["d"]}
        if self.chance(0.2):
            yield {"type": "OIDC-eduperson_assurance", "any_one_of": self.dice.sample(["l", "x;y"], 1)}
        if self.chance(0.9):
            condition = self.dice.choice(["any_one_of"] * 7 + ["whitelist", "blacklist"])
            entry = {"type": self.dice.choice(["OIDC-eduperson_entitlement"] * 4 + ["OIDC-entitlements"])}
            wanted = self.dice.sample(WANTED, self.dice.randint(1, 2))
            yield {**entry, condition: wanted, **({"regex": True} if any("^" in each for each in wanted) else {})}

    def login(self) -> dict[str, tuple[str, ...]]:
        pools = {"sub": "s", "email": ["e@x"], "azp": ["c1", "c2", "z"], "aud": "dz", "eduperson_assurance": "lm"}
        claims = {name: (self.dice.choice(pool),) for name, pool in pools.items() if self.chance(0.8)}
        claims["iss"] = (self.dice.choice(["https://i", "https://i", "https://j", "https://k"]),)
        for name in ("eduperson_entitlement", "entitlements"):
            if self.chance(0.6):
                claims[name] = tuple(self.dice.sample(HELD, self.dice.randint(1, 3)))
        return claims


def test_remarks_have_one_order_whatever_the_hash_seed():
    entry = {"type": "OIDC-eduperson_entitlement", "any_one_of": [f"{A}:role={n}" for n in "hgfedcba"], "regex": True}
    remote = [{"type": "OIDC-sub"}, {"type": "OIDC-iss", "any_one_of": ["https://i"]}, entry]
    rules = [{"local": [{"user": {"id": "{0}", "domain": DOMAIN}, "group": GROUPS[0]}], "remote": remote}]
    choices = Choices(domain="egi", tighten=True)
    told = [
        each.told for each in MappingImport(NewDirectory(), NO_SEARCH).run(rules, "2.0", choices, NOW).found.remarks
    ]
    tightened = [each for each in told if "also took" in each]
    assert len(tightened) == 8
    assert tightened == sorted(tightened)


def test_no_login_comes_out_otherwise_but_as_a_remark_says():
    importer = MappingImport(NewDirectory(), NO_SEARCH)
    taken_over = said = 0
    for seed in range(120):
        hunter = Hunter(seed)
        rules = hunter.rules()
        choices = Choices(domain="egi", issuers=("https://i",), tighten=hunter.chance(0.5))
        try:
            done = importer.run(rules, hunter.version, choices, NOW)
        except (ImportImpossible, ImportDiffers):
            continue
        taken_over += 1
        said += len(done.found.said_rules)
        (provider,) = done.found.policy.site.identity_providers
        new = list(compile_mapping(done.found.policy, provider, NOW).rules)
        replay = Replay(rules, hunter.version, new, done.found, choices, NO_SEARCH)
        for _ in range(60):
            login = hunter.login()
            assert replay.same(login), (seed, login)
    assert taken_over > 70, "the accept-control"
    assert said > 15
