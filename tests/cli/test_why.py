"""`p3idp why` as typed: its answer for people and machines, how it ends, and that strangers' words do no harm."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from exchange_world import ListedTokens, some_claims
from policies import ACCESS, ISSUER, NOW, OPERATOR, SUBSTANTIAL, TRAINEE, PolicyFiles

from p3idp import wiring
from p3idp.cli import policy_option, why
from p3idp.cli.main import run
from p3idp.core.policy.model import ProviderId, VerbatimRules
from p3idp.errors.login import ProviderUnreachable

Typed = Callable[..., tuple[int, str, str]]
MEMBER = OPERATOR.replace("vm_operator", "member")


class Piped(io.BytesIO):
    """What a shell's pipe brings."""

    name = "<stdin>"


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path / "policy")


@pytest.fixture
def type_in(files, monkeypatch, capsys) -> Typed:
    """Type `p3idp why --policy-dir …` and more; its exit status, standard output and standard error."""
    monkeypatch.setenv("P3IDP_SETTINGS", str(files.root / "none.toml"))
    monkeypatch.setattr(wiring, "now", lambda: NOW)

    def typed(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", "why", "--policy-dir", str(files.root), *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            run()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return typed


@pytest.fixture
def given(tmp_path) -> Callable[..., str]:
    def write(*entitlements: str, **claims: object) -> str:
        file = tmp_path / "claims.json"
        whole = {"iss": ISSUER, "sub": "someone@egi.eu", "azp": "p3idp", "entitlements": list(entitlements), **claims}
        file.write_text(json.dumps({name: value for name, value in whole.items() if value is not None}))
        return str(file)

    return write


def test_a_hit_shows_what_it_gives_through_what_and_how_long(type_in, given):
    status, told, beside = type_in("--claims", given(OPERATOR))
    assert (status, beside) == (0, "")
    assert "Rules: 1 of 2 gives access" in told
    assert "  + communities/vo.access.egi.eu.yaml:6\n      gives member on p3@egi as long as the membership" in told
    assert f"      through {OPERATOR}\n" in told
    assert "Group:   vo.access.egi.eu:role=vm_operator in domain egi\n" in told
    assert "Project: p3@egi: member, as long as the membership lasts\n" in told
    assert "Keystone keeps what a login gave for 8 h after that login (authorization_ttl)" in in_one_line(told)
    assert told.splitlines()[-1] == (
        "As of 2026-11-22 09:00 UTC, someone@egi.eu (Check-in) has access to p3@egi (member) as long as the membership "
        "lasts."
    )


def test_a_miss_shows_the_condition_the_values_that_failed_and_whom_to_ask(type_in, given):
    low = ["https://refeds.org/assurance", "https://aai.egi.eu/LoA#Low"]
    status, told, _ = type_in("--claims", given(TRAINEE, MEMBER, eduperson_assurance=low))
    assert status == 4
    trainees, operators = told.split("  - ")[1:]
    assert "      assurance: wants https://aai.egi.eu/LoA#High\n" in trainees
    assert f"      assurance: or {SUBSTANTIAL}\n" in trainees
    assert "      found: https://aai.egi.eu/LoA#Low\n      found: https://refeds.org/assurance\n" in trainees
    assert f"      near: {MEMBER}\n        is for the right group, but not for the role" in operators
    assert "please ask courses@example.org." in told.splitlines()[-1]


def test_a_refusal_before_all_rules_names_claim_and_value(type_in, given):
    status, told, _ = type_in("--claims", given(OPERATOR, "a;b"))
    assert status == 4
    assert "Refused before any rule was looked at (ambiguous-value): the claim" in told
    refusal = json.loads(type_in("--claims", given(OPERATOR, "a;b"), "--json")[1])["refusal"]
    assert (refusal["reason"], refusal["claim"], refusal["value"]) == (
        "ambiguous-value", "entitlements or eduperson_entitlement", "a;b",
    )  # fmt: skip


def test_userinfo_names_no_client_so_one_of_ours_is_assumed_and_that_is_said(type_in, given):
    status, told, _ = type_in("--claims", given(OPERATOR, azp=None))
    assert status == 0
    assert "The claims name no client (azp), as userinfo does not: taken as issued to p3idp." in in_one_line(told)


def test_machines_get_every_rule(type_in, given):
    status, told, _ = type_in("--claims", given(OPERATOR), "--json")
    answer = json.loads(told)
    assert status == 0
    assert [(rule["verdict"], rule["line"]) for rule in answer["rules"]] == [("miss", 7), ("hit", 6)]
    assert answer["access"] == [{"project": "p3", "domain": "egi", "roles": ["member"], "until": None}]
    assert answer["groups"] == [{"name": "vo.access.egi.eu:role=vm_operator", "domain": "egi"}]
    assert (answer["verified"], answer["refusal"], answer["subject"]) == (False, None, "someone@egi.eu")
    assert answer["sentence"].startswith("As of 2026-11-22 09:00 UTC, someone@egi.eu")


def test_another_moment_may_be_asked_for(type_in, given):
    claims = given(TRAINEE, eduperson_assurance=[SUBSTANTIAL])
    assert type_in("--claims", claims)[0] == 0
    status, told, _ = type_in("--claims", claims, "--at", "2028-01-01")
    assert (status, "ended 2028-01-01 00:00 UTC" in told) == (4, True)
    assert type_in("--claims", claims, "--at", "2028-01-01T00:30:00+01:00")[0] == 0


def test_of_a_thousand_rules_the_nearest_are_shown_and_the_rest_counted(files, type_in, given):
    rules = "".join(
        f"  - entitlement: urn:mace:egi.eu:group:vo{n}.egi.eu:role=vm_operator\n    projects: {{p3: [member]}}\n"
        for n in range(1000)
    )
    files.write("communities/vo.access.egi.eu.yaml", ACCESS + rules)
    claims = given("urn:mace:egi.eu:group:vo777.egi.eu:role=member")
    status, told, _ = type_in("--claims", claims)
    assert status == 4
    assert told.index("vo777.egi.eu:role=vm_operator") < told.index("vo.access.egi.eu:role=vm_operator")
    assert "  and 992 more give nothing: no entitlement comes near them (p3idp why --all shows them)" in told
    assert told.count("  - communities/") == 10
    assert type_in("--claims", claims, "--all")[1].count("  - communities/") == 1002
    assert len(json.loads(type_in("--claims", claims, "--json")[1])["rules"]) == 1002


def test_no_line_but_the_sentence_is_wider_than_eighty_columns_for_its_words(type_in, given, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for claims in (given(OPERATOR, azp=None), given(TRAINEE, MEMBER, "urn:x" * 30), given("a;" + "b" * 900)):
        lines = type_in("--claims", claims)[1].splitlines()[:-1]
        assert [line for line in lines if len(line) > 80 and " " in line.strip().split(": ")[-1]] == []


def test_strangers_words_do_not_steer_the_terminal(type_in, given):
    told = type_in("--claims", given("\x1b[2J", "urn:mace:egi.eu:group:\u202evo.access.egi.eu", sub="a\x1b]0;x\x07"))[1]
    assert "\x1b" not in told, "nobody looks, so nothing is coloured"
    assert all(line.isprintable() for line in told.splitlines())


def test_verbatim_rules_are_no_part_of_the_answer_and_that_is_said(type_in, given, monkeypatch, files):
    policy = replace(files.load(), verbatim=(VerbatimRules(ProviderId("egi"), ()),))
    monkeypatch.setattr(wiring, "wire_policy_directory", lambda directory, lab=False, environment="": policy)
    assert "The policy also holds verbatim Keystone rules for egi." in type_in("--claims", given(OPERATOR))[1]


BAD = {
    "no file": (lambda path: None, "No such file"),
    "a directory": (lambda path: path.mkdir(), "Is a directory"),
    "an empty file": (lambda path: path.write_bytes(b""), "line 1, column 1: this is no JSON"),
    "no UTF-8": (lambda path: path.write_bytes(b'{"a": "\xff"}'), "byte 8: this is no UTF-8"),
    "a claim twice": (lambda path: path.write_text('{"sub": "a", "sub": "b"}'), "the name 'sub' is given twice"),
    "a number": (lambda path: path.write_text('{"sub": 1}'), "Value 1 of the claim sub is not text but a number"),
}


@pytest.mark.parametrize(("make", "says"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("machine", [(), ("--json",)], ids=["for people", "for machines"])
def test_what_is_no_claims_ends_with_status_2_and_the_place(type_in, tmp_path, make, says, machine):
    make(tmp_path / "bad.json")
    status, told, beside = type_in("--claims", tmp_path / "bad.json", *machine)
    assert (status, told) == (2, "")
    assert says in beside
    assert "Traceback" not in beside


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--claims", "-", "--token", "-"),
        ("--token", "-", "--identity-provider", "egi"),
        ("--claims", "-", "--at", "soon"),
        ("--claims", "-", "--at", "2026-11-22T09:00"),
        ("--claims", "-", "--at", "0001-01-01T00:00+14:00"),
    ],
)
def test_a_mistyped_question_is_status_2(type_in, words):
    assert type_in(*words)[0] == 2


def test_claims_may_come_on_standard_input(type_in, monkeypatch):
    raw = json.dumps({"sub": "someone@egi.eu", "entitlements": OPERATOR}).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Piped(raw)))
    assert type_in("--claims", "-")[0] == 0


@pytest.fixture
def tokens(monkeypatch, files) -> ListedTokens:
    """A verifier that knows its tokens."""
    listed = ListedTokens()
    settings = SimpleNamespace(policy_dir=files.root, lab=False)
    monkeypatch.setattr(why, "load_settings", lambda file: settings)
    monkeypatch.setattr(policy_option, "load_settings", lambda file: settings)
    monkeypatch.setattr(wiring, "wire_verifier", lambda settings, policy: listed)
    return listed


def test_a_token_is_verified_and_its_end_said(type_in, tokens, tmp_path):
    tokens.claims["good"] = some_claims("alice", timedelta(minutes=90), client="p3idp")
    (tmp_path / "token").write_text("good\n")
    status, told, _ = type_in("--token", tmp_path / "token")
    assert (status, tokens.asked) == (0, ["good"])
    assert "Claims:  1 entitlement, 0 assurance values, verified" in told
    assert "The token ends 2026-11-22 09:30 UTC, in 30 minutes; what is exchanged for it ends then too" in in_one_line(
        told
    )
    assert "good" not in told


@pytest.mark.parametrize(
    ("problem", "status"), [(None, 4), (ProviderUnreachable("It does not answer."), 5)], ids=["refused", "unreachable"]
)
def test_a_token_that_is_not_believed_ends_as_its_verification_says(type_in, tokens, tmp_path, problem, status):
    tokens.problem = problem
    (tmp_path / "token").write_text("forged")
    ended, told, beside = type_in("--token", tmp_path / "token")
    assert (ended, told, "forged" in beside) == (status, "", False)
