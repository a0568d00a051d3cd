"""The help desk's sentence: who gets what until when, or why not and whom to ask; harmless and short in any case."""

import pytest
from policies import ACCESS, NOW, OPERATOR, SUBSTANTIAL, TRAINEE, TRAINING, PolicyFiles, person

from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Unusable
from p3idp.core.policy.explanation import explain
from p3idp.core.policy.model import Policy
from p3idp.core.policy.nearness import Nearness
from p3idp.core.policy.sentence import LONGEST, NEARNESS, ask, reason, sentence

START = "As of 2026-11-22 09:00 UTC, someone@egi.eu (Check-in) has"
HUB = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h}\n"


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path)


def said(policy: Policy, *entitlements: str, now=NOW, **more: object) -> str:
    claims = person(*entitlements, **more)
    return sentence(claims, explain(policy, decide(policy, claims, now), claims.entitlements), policy.site, now)


def why_not(policy: Policy, *entitlements: str, now=NOW, **more: object) -> tuple[str, str]:
    claims = person(*entitlements, **more)
    found = explain(policy, decide(policy, claims, now), claims.entitlements)
    return reason(found), ask(found, policy.site)


def test_access_is_told_with_its_end(files):
    policy = files.load()
    assert said(policy, OPERATOR) == f"{START} access to p3@egi (member) as long as the membership lasts."
    assert said(policy, TRAINEE, assurance=(SUBSTANTIAL,)) == (
        f"{START} access to training@egi (member) until 2028-01-01 00:00 UTC."
    )


def test_each_project_is_explained_by_the_rules_that_give_it(files):
    claims, policy = person(OPERATOR, TRAINEE, assurance=(SUBSTANTIAL,)), files.load()
    found = explain(policy, decide(policy, claims, NOW), claims.entitlements)
    through = {gift.project.name: [granted.held for granted in gift.through] for gift in found.gifts}
    assert through == {"p3": [OPERATOR], "training": [TRAINEE]}


def test_no_access_is_told_with_the_reason_and_whom_to_ask(files):
    member = OPERATOR.replace("vm_operator", "member")
    assert said(files.load(), member) == (
        f"{START} no access here, because `{member}` is for the right group, but not for the role that is needed "
        f"(`{OPERATOR.split('#')[0]}`); please ask vo@example.org."
    )


LOW = "https://aai.egi.eu/LoA#Low"
REASONS = {
    "nothing came": ((), {}, "no entitlements came along", "support@"),
    "one that nobody asks for": (
        ("urn:x",),
        {},
        "the only entitlement is not one that this site's policy asks",
        "supp",
    ),
    "several": (
        ("urn:x", "urn:y"),
        {},
        "none of the 2 entitlements is one that this site's policy asks for",
        "support@",
    ),
    "a malformed one": (
        ("urn:mace:egi.eu: group:other",),
        {},
        "and `urn:mace:egi.eu: group:other` is malformed",
        "supp",
    ),
    "too low an assurance": (
        (TRAINEE,),
        {"assurance": ("https://refeds.org/assurance", LOW)},
        "Courses asks for an assurance of `https://aai.egi.eu/LoA#High` or `https://aai.egi.eu/LoA#Substantial`, "
        f"and `{LOW}` and 1 more came along",
        "courses@example.org",
    ),
    "no assurance": ((TRAINEE,), {}, "#Substantial`, and none came along", "courses@example.org"),
    "it is over": (
        (TRAINEE,),
        {"now": NOW.replace(year=2028)},
        "access through Courses ended 2028-01-01 00:00 UTC",
        "courses@example.org",
    ),
    "it has not begun": (
        (TRAINEE,),
        {"now": NOW.replace(year=2025)},
        "Courses begins 2026-01-01 00:00 UTC",
        "courses@",
    ),
    "over for somebody who never had it": (("urn:x",), {"now": NOW.replace(year=2028)}, "the only entitlement", "supp"),
    "another client": (
        (OPERATOR,),
        {"client": "other"},
        "tokens issued to the client `other` are not accepted",
        "supp",
    ),
    "no client": ((OPERATOR,), {"client": ""}, "the client (none named) are not accepted here", "support@"),
    "another issuer": (
        (OPERATOR,),
        {"issuer": "https://evil.test"},
        "issuer `https://evil.test` does not belong",
        "supp",
    ),
    "nobody": ((OPERATOR,), {"subject": ""}, "the claim sub is empty, so nobody is named", "support@"),
    "an ambiguous entitlement": (
        (OPERATOR, "a;b"),
        {},
        "the claim entitlements or eduperson_entitlement holds a semicolon, which Keystone would not read as it "
        "stands: `a;b`",
        "support@",
    ),
    "an ambiguous subject": (
        (OPERATOR,),
        {"subject": "[1]"},
        "the claim sub holds the beginning of a list",
        "support@",
    ),
    "an ambiguous assurance": (
        (TRAINEE,),
        {"assurance": ("JSON:1",)},
        "eduperson_assurance holds the begin",
        "support@",
    ),
}


@pytest.mark.parametrize(("entitlements", "more", "says", "whom"), REASONS.values(), ids=REASONS)
def test_every_reason_names_what_failed_and_whom_to_ask(files, entitlements, more, says, whom):
    told, asked = why_not(files.load(), *entitlements, **more)
    assert says in told
    assert asked.startswith(whom)
    assert told in said(files.load(), *entitlements, **more)


def test_a_rule_for_another_provider_is_a_reason(files):
    files.change("site.yaml", "identity_providers:\n", f"identity_providers:\n{HUB}")
    files.write(
        "communities/vo.access.egi.eu.yaml",
        ACCESS.replace("    projects: {p3: [", "    identity_providers: [hub]\n    projects: {p3: ["),
    )
    told, _ = why_not(files.load(), OPERATOR)
    assert told == "Applications on Demand takes people of the identity provider `hub` only, and this is `egi`"


def test_a_suspended_community_says_so(files):
    files.write("communities/vo.access.egi.eu.yaml", f"{ACCESS}suspended: {{since: 2026-11-01, reason: An incident}}\n")
    told, asked = why_not(files.load(), OPERATOR)
    assert (told, asked) == (
        "the community vo.access.egi.eu is suspended since 2026-11-01: An incident",
        "vo@example.org",
    )


def test_the_nearest_rule_is_the_reason(files):
    policy = files.load()
    nearly = OPERATOR.replace("vm_operator", "member")
    assert "Courses asks for an assurance" in why_not(policy, nearly, TRAINEE)[0], "a condition is nearer than a role"
    assert "capital and small" in why_not(policy, nearly, OPERATOR.replace("vo.a", "VO.a"))[0]


def test_every_way_of_being_near_and_every_refusal_has_its_words():
    assert set(NEARNESS) == set(Nearness)
    assert all(word == word.lower() for word in Unusable)


HOSTILE = {
    "a subject that steers a terminal": {"subject": "\x1b[2J\x1b]0;x\x07someone"},
    "a subject that turns the text around": {"subject": "someone\u202e\u2066gpj.exe"},
    "a subject of two lines": {"subject": "someone\r\nAs of today, root has access"},
    "a long subject": {"subject": "s" * 2048},
    "a long issuer": {"issuer": "https://evil.test/" + "i" * 2000},
    "a client of half a surrogate": {"client": "\ud800"},
    "a huge malformed entitlement": {"entitlements": ("urn:mace:egi.eu: group:vo.access.egi.eu" + "x" * 2000,)},
    "many values of a long assurance": {"entitlements": (TRAINEE,), "assurance": tuple(f"{n}" * 600 for n in range(9))},
}


@pytest.mark.parametrize("claims", HOSTILE.values(), ids=HOSTILE)
def test_the_sentence_is_one_short_printable_line(files, claims):
    told = said(files.load(), **{"entitlements": (OPERATOR,), **claims})
    assert told.isprintable()
    assert len(told) <= LONGEST
    assert told.encode()


def test_a_policy_of_long_names_stays_short(files):
    names = [f"{number}{'p' * 60}" for number in range(9)]
    roles = ", ".join(f"{number}{'r' * 60}" for number in range(9))
    projects = "".join(f"  {name}: {{}}\n" for name in names)
    grants = ", ".join(f"{name}: [{roles}]" for name in names)
    text = ACCESS.replace("  p3: {description: Machines}\n", projects).replace("{p3: [member]}", f"{{{grants}}}")
    files.write("communities/vo.access.egi.eu.yaml", text)
    told = said(files.load(), OPERATOR)
    assert len(told) <= LONGEST
    assert told.endswith("as long as the membership lasts; and 6 more projects.")
    long = TRAINING.replace("Courses", "T" * 500).replace("courses@", "c" * 400)
    files.write("communities/training.egi.eu.yaml", long)
    told = said(files.load(), TRAINEE)
    assert (len(told) <= LONGEST, told.endswith("....")) == (True, True)
