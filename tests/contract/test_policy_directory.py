"""The policy directory: what a good one means, and that every mistake names its file, its line and what was meant."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from policies import ACCESS, OPERATOR, SITE, PolicyFiles

from p3idp.adapters.policy_files import load_policy
from p3idp.core.policy.examples import failed_examples
from p3idp.errors.policy import PolicyInvalid

EXAMPLE = Path(__file__).parents[2] / "mappings"
COMMUNITY = "communities/vo.access.egi.eu.yaml"


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path)


def mistakes(files: PolicyFiles) -> list[tuple[str, int, str]]:
    with pytest.raises(PolicyInvalid) as refused:
        files.load()
    return list(refused.value.places)


def test_the_example_policy_is_good_and_keeps_its_promises():
    policy = load_policy(EXAMPLE)
    assert [failed.message for failed in failed_examples(policy)] == []
    assert [community.name for community in policy.communities] == ["training.egi.eu", "vo.access.egi.eu"]
    assert sum(len(community.examples) for community in policy.communities) >= 8


def test_values_mean_what_they_say(files):
    policy = files.load()
    (provider,) = policy.site.identity_providers
    assert provider.authorization_ttl == timedelta(hours=8)
    assert provider.claims.entitlements == ("entitlements", "eduperson_entitlement")
    assert policy.communities[0].validity.until == datetime(2028, 1, 1, tzinfo=UTC)
    assert policy.communities[1].rules[0].place == (COMMUNITY, 6)


def test_the_digest_changes_with_any_byte_and_with_nothing_else(files):
    before = files.load().digest
    assert files.load().digest == before
    files.change(COMMUNITY, "Machines", "Machines ")
    assert files.load().digest != before


# (what is written instead of what, the line, words of the message)
SPOILED = {
    "a key with a typo": (COMMUNITY, "access:", "acces:", 5, "no key `acces` here; did you mean `access`?"),
    "a missing key": (COMMUNITY, "contact: vo@example.org\n", "", 1, "`contact` is missing"),
    "a key given twice": (COMMUNITY, "title:", "title: first\ntitle:", 2, "`title` stands here twice"),
    "a wrong type": (COMMUNITY, "[member]", "member", 7, "`p3` must be a list"),
    "a number for text": (COMMUNITY, "Applications on Demand", "2026", 1, "`title` must be text"),
    "an anchor": (COMMUNITY, "title: ", "title: &x ", 1, "&x is an anchor"),
    "an alias": (COMMUNITY, "vo@example.org", "*x", 2, "*x is an alias"),
    "a tag": (COMMUNITY, "title: ", "title: !!python/name:os.system ", 1, "is a tag"),
    "a merge key": (COMMUNITY, "title:", "<<: {}\ntitle:", 1, "no key `<<` here"),
    "not YAML": (COMMUNITY, "title: ", "title: [", 2, "not YAML"),
    "a control character": (COMMUNITY, "title: ", "title: \x07", 1, "not YAML"),
    "a space in the entitlement": (
        COMMUNITY,
        "egi.eu:group:",
        "egi.eu: group:",
        6,
        "did you mean urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu?",
    ),
    "the legacy form of an entitlement": (
        COMMUNITY,
        "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu",
        "urn:mace:egi.eu:aai.egi.eu:member@fedcloud.egi.eu",
        6,
        "did you mean urn:mace:egi.eu:group:fedcloud.egi.eu:role=member#aai.egi.eu?",
    ),
    "role: for role=": (
        COMMUNITY,
        ":role=",
        ":role:",
        6,
        "did you mean urn:mace:egi.eu:group:vo.access.egi.eu:role=vm",
    ),
    "no entitlement at all": (
        COMMUNITY,
        "urn:mace:egi.eu:group:vo.access.egi.eu:",
        "",
        6,
        "is not a group entitlement",
    ),
    "an unknown project": (
        COMMUNITY,
        "{p3: [member]}",
        "{p33: [member]}",
        7,
        "no project `p33` is declared; did you mean `p3`?",
    ),
    "no roles": (COMMUNITY, "[member]", "[]", 7, "`p3` must not be empty"),
    "no rules": (COMMUNITY, ACCESS[ACCESS.index("access:") :], "access: []\n", 5, "`access` must not be empty"),
    "an unknown provider": (
        COMMUNITY,
        "    projects: {p3",
        "    identity_providers: [egy]\n    projects: {p3",
        7,
        "no identity provider `egy` is in site.yaml; did you mean `egi`?",
    ),
    "a group name that is too long": (
        COMMUNITY,
        "vo.access.egi.eu:role",
        f"{'v' * 60}:role",
        6,
        "longer than Keystone's 64",
    ),
    "a client that no provider honours": (
        COMMUNITY,
        "    projects: {p3",
        "    issuing_clients: [keystome]\n    projects: {p3",
        7,
        "honours no tokens of the client `keystome`; did you mean `keystone`?",
    ),
    "a semicolon in a client": (
        COMMUNITY,
        "    projects: {p3",
        "    issuing_clients: ['a;b']\n    projects: {p3",
        7,
        "a semicolon",
    ),
    "a semicolon in assurance": (
        COMMUNITY,
        "    projects: {p3",
        "    assurance: ['a;b']\n    projects: {p3",
        7,
        "a semicolon",
    ),
    "a project elsewhere": (COMMUNITY, "{description: Machines}", "{domain: Default}", 4, "say `existing: true`"),
    "an end before the beginning": (
        COMMUNITY,
        "projects:\n",
        "valid: {from: 2026-02-01, until: 2026-01-01}\nprojects:\n",
        3,
        "never holds",
    ),
    "a bad date": (COMMUNITY, "projects:\n", "valid: {until: 2026-02-30}\nprojects:\n", 3, "is not a date"),
    "a moment without offset": (
        COMMUNITY,
        "projects:\n",
        "valid: {until: '2026-02-01T10:00'}\nprojects:\n",
        3,
        "has no offset",
    ),
    "a bad duration": ("site.yaml", "8h", "8 hours", 10, "write minutes, hours or days"),
    "no time to live": ("site.yaml", "8h", "0m", 10, "out of bounds"),
    "a plain-http issuer": ("site.yaml", "https://idp.test", "http://idp.test", 8, "is not https"),
    "an issuer that Keystone cannot keep": ("site.yaml", "/egi]", f"/{'e' * 64}]", 8, "Keystone keeps at most 64"),
    "an issuer that is no address": ("site.yaml", "https://idp.test", "idp.test", 8, "is not an https address"),
    "an issuer with a query": (
        "site.yaml",
        "[https://idp.test/auth/realms/egi]",
        "['https://idp.test/?x=1']",
        8,
        "more than scheme, host, port and path",
    ),
    "an empty list of issuers": (
        "site.yaml",
        "[https://idp.test/auth/realms/egi]",
        "[]",
        8,
        "`issuers` must not be empty",
    ),
    "scopes without openid": ("site.yaml", "openid, ", "", 9, "must hold openid"),
    "two providers with one issuer": (
        "site.yaml",
        "  egi:\n",
        "  hub: {title: H, issuers: [https://idp.test/auth/realms/egi], scopes: [openid], "
        "authorization_ttl: 1h}\n  egi:\n",
        9,
        "belongs to `hub` already",
    ),
    "an odd name of a provider": ("site.yaml", "  egi:\n", "  e/gi:\n", 6, "holds a character"),
}


@pytest.mark.parametrize(("file", "old", "new", "line", "words"), SPOILED.values(), ids=SPOILED)
def test_a_mistake_names_file_line_and_what_was_meant(files, file, old, new, line, words):
    files.change(file, old, new)
    found = mistakes(files)
    assert any(place[:2] == (file, line) and words in place[2] for place in found), found


def test_all_mistakes_of_all_files_come_at_once(files):
    files.change("site.yaml", "8h", "forever")
    files.change("site.yaml", "title: A site", "titel: A site")
    files.change(COMMUNITY, "egi.eu:group:", "egi.eu: group:")
    files.change("communities/training.egi.eu.yaml", "contact", "kontact")
    files.change("communities/training.egi.eu.yaml", "2028-01-01", "2028-13-01")
    found = mistakes(files)
    assert {place[0] for place in found} == {"site.yaml", COMMUNITY, "communities/training.egi.eu.yaml"}
    assert len(found) == 7, found


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("site.yaml", b"", "the file is empty"),
        ("site.yaml", b"~\n", "the file is empty"),
        ("communities/vo.access.egi.eu.yaml", b"null\n", "the file is empty"),
        ("communities/vo.access.egi.eu.yaml", b"contact: " + b"9" * 5_000, "must be text"),
        ("site.yaml", b"\xff\xfe", "the file is not UTF-8"),
        ("site.yaml", b"#" * 300_000, "larger than 256 kB"),
        ("site.yaml", b"[" * 5000, "nested deeper"),
        ("site.yaml", b"a: " + b"{a: " * 40 + b"}" * 40, "nested deeper"),
        ("site.yaml", b"- x", "must hold keys and values"),
        ("site.yaml", b"a: b\n---\nc: d\n", "not YAML"),
        ("communities/vo.access.egi.eu.yaml", b"#\n" * 100_000, "the file has 100,000 lines"),
        ("communities/vo.access.egi.eu.yaml", b"- x\n" * 100_000, "larger than 256 kB"),
        ("communities/vo.access.egi.eu.yaml", b"[" + b"[]," * 80_000, "more than 50,000 values"),
        ("communities/vo.access.egi.eu.yaml", b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "is an anchor"),
        ("communities/other.yml", b"", "a community's file is called <community>.yaml"),
    ],
)
def test_a_file_that_is_no_policy_file_is_refused_without_a_traceback(files, name, content, words):
    (files.root / name).write_bytes(content)
    assert any(place[0] == name and words in place[2] for place in mistakes(files))


def test_a_pipe_in_the_directory_is_not_waited_for(files):
    (files.root / COMMUNITY).unlink()
    os.mkfifo(files.root / COMMUNITY)
    assert any(place[0] == COMMUNITY and "it is a pipe" in place[2] for place in mistakes(files))


@pytest.mark.parametrize("text", ["access:\n" + "-\n" * 5_000, "a: 1\n" * 5_000], ids=["nothings", "keys"])
def test_one_mistake_made_thousands_of_times_is_not_told_thousands_of_times(files, text):
    files.write(COMMUNITY, text)
    told = mistakes(files)
    assert 100 < len(told) < 250
    assert any("and more mistakes from here on" in place[2] for place in told)


def test_an_empty_policy_is_refused(files):
    files.remove("vo.access.egi.eu")
    files.remove("training.egi.eu")
    assert "no community here" in mistakes(files)[0][2]


def test_a_directory_that_is_not_there_is_one_message(tmp_path):
    with pytest.raises(PolicyInvalid, match="nowhere:1: the policy directory cannot be read: No such file"):
        load_policy(tmp_path / "nowhere")


def test_communities_that_cannot_be_listed_are_not_called_missing(tmp_path):
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "communities").write_text("not a directory", encoding="utf-8")
    with pytest.raises(PolicyInvalid, match="communities:1: the directory cannot be read: Not a directory"):
        load_policy(tmp_path)


def test_a_mistake_in_the_site_file_is_not_repeated_for_every_example(tmp_path):
    files = PolicyFiles(tmp_path, SITE)
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    files.change("site.yaml", "authorization_ttl: 8h", "authorization_ttl: 8 hours")
    ((file, _, words),) = mistakes(files)
    assert file == "site.yaml"
    assert "is not a duration" in words


def test_plain_http_is_for_a_lab_on_this_machine(files):
    files.change("site.yaml", "https://idp.test", "http://127.0.0.1:8080")
    assert load_policy(files.root, lab=True).site.identity_providers[0].issuers[0].startswith("http://")
    files.change("site.yaml", "http://127.0.0.1:8080", "http://idp.test")
    with pytest.raises(PolicyInvalid, match="is not https"):
        load_policy(files.root, lab=True)


def test_two_rules_that_ask_for_different_things_may_not_share_a_group(files):
    files.change(
        COMMUNITY,
        "    projects: {p3: [member]}\n",
        "    projects: {p3: [member]}\n"
        "  - entitlement: urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator\n"
        "    assurance: [https://aai.egi.eu/LoA#High]\n"
        "    projects: {p3: [reader]}\n",
    )
    assert mistakes(files) == [(COMMUNITY, 8, mistakes(files)[0][2])]
    assert "shares the group `vo.access.egi.eu:role=vm_operator`" in mistakes(files)[0][2]
    files.change(COMMUNITY, "    assurance:", "    group: assured operators\n    assurance:")
    assert [rule.group for rule in files.load().communities[1].rules][1] == "assured operators"


SHARED = """\
  - entitlement: urn:mace:egi.eu:group:vo.access.egi.eu:role=admin
    group: vo.access.egi.eu:role=vm_operator
    projects: {p3: [member]}
"""


@pytest.mark.parametrize("twin", ["VO.access.egi.eu:role=vm_operator", "vo.àccess.egi.eu:role=vm_operator"])
def test_groups_that_differ_only_in_capitals_or_accents_are_refused(files, twin):
    """MariaDB takes them for one group, whose grants both would have."""
    rule = f"  - entitlement: {OPERATOR.replace('vo.access', 'vo.other')}\n    group: {twin}\n"
    files.change(COMMUNITY, "access:\n", f"access:\n{rule}    projects: {{p3: [reader]}}\n")
    ((_, _, message),) = mistakes(files)
    assert "only in capitals or accents" in message


def test_rules_of_one_community_that_give_the_same_may_share_a_group(files):
    text = (files.root / COMMUNITY).read_text(encoding="utf-8")
    files.write(COMMUNITY, text + SHARED)
    assert len({rule.group for rule in files.load().communities[1].rules}) == 1
    files.write(COMMUNITY, text + SHARED.replace("[member]", "[reader]"))
    assert "asks for something else and gives something else" in mistakes(files)[0][2]


def test_rules_of_two_communities_may_not_for_one_of_them_may_be_suspended(files):
    files.write("communities/other.yaml", ACCESS.split("access:")[0] + "access:\n" + SHARED)
    assert "shares the group" in mistakes(files)[0][2]


def test_a_rule_that_differs_in_its_clients_alone_asks_for_something_else(files):
    text = (files.root / COMMUNITY).read_text(encoding="utf-8")
    rule = SHARED.replace("role=admin", "role=vm_operator").replace("[member]", "[reader]")
    files.write(COMMUNITY, text + rule)
    assert len(files.load().communities[1].rules) == 2
    files.write(COMMUNITY, text + rule + "    issuing_clients: [keystone]\n")
    assert "shares the group" in mistakes(files)[0][2]


def test_an_example_says_by_azp_which_client_its_token_is_of(files):
    text = (files.root / COMMUNITY).read_text(encoding="utf-8") + "    issuing_clients: [keystone]\n"
    example = "  - {title: t, claims: {azp: %s, entitlements: '%s'}, access: {p3: [%s]}}\n"
    shown = "examples:\n" + "".join(example % (c, OPERATOR, r) for c, r in (("keystone", "member"), ("p3idp", "")))
    files.write(COMMUNITY, text + shown)
    assert list(failed_examples(files.load())) == []
    files.write(COMMUNITY, text.replace("[keystone]", "[p3idp]") + shown)
    assert len(list(failed_examples(files.load()))) == 2


def test_an_example_that_comes_out_otherwise_names_its_line(files):
    files.change(
        COMMUNITY,
        "    projects: {p3: [member]}\n",
        "    projects: {p3: [member]}\n"
        "examples:\n"
        "  - title: A member gets in\n"
        "    claims: {eduperson_entitlement: 'urn:mace:egi.eu:group:vo.access.egi.eu:role=member'}\n"
        "    access: {p3: [member]}\n",
    )
    (failed,) = failed_examples(files.load())
    assert failed.message == f"{COMMUNITY}:9: “A member gets in” expects member on p3@egi, but gets nothing"


def test_site_file_alone_is_checked_even_when_no_community_can_be_read(tmp_path):
    files = PolicyFiles(tmp_path, SITE.replace("8h", "never"))
    (tmp_path / "communities" / "training.egi.eu.yaml").write_bytes(b"\xff")
    assert {place[0] for place in mistakes(files)} == {"site.yaml", "communities/training.egi.eu.yaml"}
