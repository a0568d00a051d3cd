"""Lint on policies and catalogues: their own defects, the mapping they compile to, and rules for Keystone alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lint_cases import EGI, GOOD, ISS, OPS, SUB, USER, rule
from lint_proof import is_shown_by_entitlement, is_shown_by_policy
from policies import ACCESS, NOW, OPERATOR, SITE, TRAINING, PolicyFiles
from whole_policies import drawn

from p3idp.adapters.policy_files.load import load_policy
from p3idp.adapters.policy_files.vo_catalogue import read_catalogue
from p3idp.core.mappings.lint import SECTIONS, Finding, Severity, lint_catalogue, lint_policy
from p3idp.core.policy.model import Policy, ProviderId, VerbatimRules
from p3idp.core.policy.vo_catalogue import Catalogue, Entry

ROOT = Path(__file__).parents[2]
EXAMPLES = f"""\
examples:
  - title: An operator gets in
    claims: {{eduperson_entitlement: {OPERATOR}}}
    access: {{p3: [member]}}
"""
TRIED = ACCESS + EXAMPLES
NAMED = "people:\n  - {subject: pia@egi.eu, identity_provider: egi, projects: {p3: [member]}}\n"


def policy(tmp_path: Path, text: str = TRIED, site: str = SITE) -> Policy:
    return PolicyFiles(tmp_path, site, **{"vo.access.egi.eu": text}).load()


def codes(found: Sequence[Finding]) -> set[str]:
    return {each.code for each in found}


def changed(old: str, new: str) -> str:
    assert old in TRIED
    return TRIED.replace(old, new)


LEGACY = "urn:mace:egi.eu:aai.egi.eu:member@vo.access.egi.eu"
LATER = "valid: {from: 2027-01-01, until: 2027-06-01}\n"
CASES = [
    ("example-fails", changed("access: {p3: [member]}", "access: {}"), 9),
    ("example-fails", changed(f"eduperson_entitlement: {OPERATOR}", f"eduperson_entitlement: {OPERATOR[:-12]}"), 9),
    ("rule-without-example", ACCESS, 6),
    ("rule-ended", changed("access:\n", "valid: {until: 2026-01-01}\naccess:\n"), 7),
    (
        "rule-ended",
        changed("    projects: {p3: [member]}\n", "    projects: {p3: [member]}\n    valid: {until: 2026-01-01}\n"),
        6,
    ),
    (
        "rule-never-gives",
        changed("access:\n", f"{LATER}access:\n").replace(
            "    projects: {p3: [member]}\n", "    projects: {p3: [member]}\n    valid: {until: 2026-12-01}\n"
        ),
        7,
    ),
    ("role-admin", TRIED.replace("[member]", "[admin]"), 6),
    ("name-odd-character", TRIED.replace("p3:", "cafe\u0301:").replace("{cafe", "{cafe"), 6),
    (
        "name-twin",
        changed(
            "examples:",
            f"  - entitlement: {OPERATOR.replace('access', 'ACCESS')}\n    group: capitals\n"
            "    projects: {p3: [member]}\nexamples:",
        ),
        8,
    ),
    (
        "entitlement-legacy",
        TRIED + f"  - {{title: Old, claims: {{eduperson_entitlement: '{LEGACY}'}}, access: {{}}}}\n",
        12,
    ),
]


@pytest.mark.parametrize(("code", "text", "line"), CASES)
def test_each_defect_of_a_policy_is_found_and_its_login_shows_it(tmp_path: Path, code: str, text: str, line: int):
    asked = policy(tmp_path, text)
    found = [each for each in lint_policy(asked, NOW) if each.code == code]
    assert [(each.file, each.line) for each in found] == [("communities/vo.access.egi.eu.yaml", line)]
    assert found[0].login
    assert found[0].fix
    assert is_shown_by_policy(found[0], asked, NOW)


def test_a_rule_that_asks_for_a_client_whose_tokens_are_refused_never_gives(tmp_path: Path):
    asked = policy(tmp_path)
    community = asked.communities[0]
    impossible = replace(community.rules[0], issuing_clients=("nobody",))
    asked = replace(asked, communities=(replace(community, rules=(impossible,), examples=()),))
    found = lint_policy(asked, NOW)
    assert codes(found) == {"rule-never-gives"}
    assert is_shown_by_policy(found[0], asked, NOW)


def test_every_name_of_a_defect_in_policies_has_a_case():
    # policy-invalid is the loader's, and stands in tests/cli.
    assert {code for code, _, _ in CASES} - {"role-admin"} | {"policy-invalid"} == set(SECTIONS["Policy files"])


def test_a_suspended_community_is_no_defect(tmp_path: Path):
    text = TRIED.replace("access:\n  - ent", "suspended: {since: 2026-01-01, reason: audit}\naccess:\n  - ent")
    assert lint_policy(policy(tmp_path, text), NOW) == []


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [("role-admin", "[member]", "[admin]"), ("rule-ended", "]}", "]}, valid: {until: 2026-01-01}"), ("", "]", "]")],
)
def test_who_is_named_for_admin_or_for_a_time_that_is_over_is_found(tmp_path: Path, code: str, old: str, new: str):
    found = lint_policy(policy(tmp_path, TRIED + NAMED.replace(old, new)), NOW)
    assert [(each.code, each.line) for each in found] == ([(code, TRIED.count("\n") + 2)] if code else [])


def test_the_example_policy_is_clean():
    assert lint_policy(load_policy(ROOT / "mappings", lab=True), NOW) == []


BESIDE_RULES = ("Files", "Policy files", "Catalogues of communities", "The live Keystone (--online)")


def test_what_any_policy_compiles_to_is_clean():
    """Errors and warnings of Keystone's rules are for people who write those; the compiler makes none."""
    of_rules = set().union(*(SECTIONS[title] for title in SECTIONS if title not in BESIDE_RULES))
    for each in drawn(12):
        assert codes(lint_policy(each, NOW)) & of_rules - {"role-admin"} == set()


def test_a_subject_claim_that_is_passed_on_is_told_once_for_the_site(tmp_path: Path):
    site = SITE.replace("    scopes:", "    claims: {subject: email}\n    scopes:")
    found = lint_policy(PolicyFiles(tmp_path, site, a=TRIED, b=TRAINING).load(), NOW)
    told = [(each.code, each.file, each.line) for each in found if each.code.startswith("user-")]
    assert told == [("user-reassignable", "site.yaml", 1)]


def test_with_nothing_valid_the_rule_that_nobody_meets_is_no_defect(tmp_path: Path):
    asked = policy(tmp_path, TRAINING)
    assert codes(lint_policy(asked, NOW + timedelta(days=3650))) == {"rule-ended", "rule-without-example"}


def test_a_defect_of_the_compiler_would_be_put_down_to_the_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("p3idp.core.mappings.compile.keystone_pattern", lambda required: "urn:mace:egi.eu:group:vo")
    found = [each for each in lint_policy(policy(tmp_path), NOW) if each.code == "pattern-unanchored"]
    assert {(each.file, each.line) for each in found} == {("communities/vo.access.egi.eu.yaml", 6)}
    assert all(each.login for each in found)


def verbatim(rules: Sequence[Any], lines: tuple[int, ...]) -> VerbatimRules:
    return VerbatimRules(ProviderId("egi"), tuple(rules), "keystone/egi.json", lines)


def test_rules_for_keystone_alone_are_linted_at_their_own_line(tmp_path: Path):
    more = [{"user": USER, "group": {"name": "more", "domain": EGI}}]
    asked = replace(policy(tmp_path), verbatim=(verbatim([*GOOD, rule(SUB, ISS, local=more)], (3, 17)),), texts={})
    assert [(each.code, each.file, each.line) for each in lint_policy(asked, NOW)] == [
        ("matches-everybody", "keystone/egi.json", 17)
    ]


def test_rules_for_keystone_alone_are_linted_to_the_line_where_their_text_is_known(tmp_path: Path):
    files = PolicyFiles(tmp_path, SITE, **{"vo.access.egi.eu": TRIED})
    (tmp_path / "keystone").mkdir()
    local = '[{"user": {"id": "{0}", "domain": {"name": "egi"}}}]'
    remote = '[{"type": "OIDC-sub"},\n {"type": "OIDC-iss", "any_one_of": ["https://x"]},\n'
    remote += ' {"type": "OIDC-entitlements", "any_one_of": ["a"],\n "regex": true}]'
    text = f'{{"rules": [{{"local": {local}, "remote": {remote}}}]}}'
    files.write("keystone/egi.json", text)
    found = [each for each in lint_policy(files.load(), NOW) if each.code == "pattern-unanchored"]
    assert [(each.file, each.line) for each in found] == [("keystone/egi.json", 3)]


# ---- catalogues


def test_the_real_catalogue_has_one_malformed_value_and_its_repair():
    found = lint_catalogue(read_catalogue(ROOT / "tests/data/egi-vo-mappings.yaml"))
    errors = [each for each in found if each.severity is Severity.ERROR]
    assert [(each.code, each.line, each.instead) for each in errors] == [
        ("entitlement-malformed", 50, "urn:mace:egi.eu:group:vo.imagine-ai.eu:role=vm_operator#aai.egi.eu")
    ]
    assert sorted((each.code, each.line) for each in found if each not in errors) == [
        ("entitlement-shared", 8),
        ("entitlement-shared", 52),
        ("role-unusual", 56),
        ("role-unusual", 65),
    ]
    assert all(each.login and is_shown_by_entitlement(each) for each in found)


def catalogue(**entries: str) -> Catalogue:
    return Catalogue(
        "vos.yaml", {vo: Entry(vo, text, ("vos.yaml", n)) for n, (vo, text) in enumerate(entries.items(), 2)}
    )


def test_names_of_a_catalogue_that_look_alike_are_told():
    found = lint_catalogue(catalogue(**{"vo.café": OPS, "VO.CAFE\u0301": OPERATOR}))
    assert [each.code for each in found] == ["name-odd-character", "name-twin"]


def test_in_a_short_catalogue_no_role_is_unusual():
    assert lint_catalogue(catalogue(ops=OPS, other=OPERATOR.replace("vm_operator", "admin"))) == []


def test_every_name_of_a_defect_in_catalogues_has_a_case():
    assert set(SECTIONS["Catalogues of communities"]) == {"entitlement-malformed", "entitlement-shared", "role-unusual"}


def test_a_moment_is_handed_in(tmp_path: Path):
    """The same policy is clean one day and has ended the next."""
    asked = policy(tmp_path, changed("access:\n", "valid: {until: 2027-01-01}\naccess:\n"))
    assert lint_policy(asked, datetime(2026, 12, 31, tzinfo=UTC)) == []
    assert codes(lint_policy(asked, datetime(2027, 1, 1, tzinfo=UTC))) == {"rule-ended"}
