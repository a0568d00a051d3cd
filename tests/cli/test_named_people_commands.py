"""`p3idp community add-person` and `remove-person` as typed, and what `show`, `why` and a plan say of who is named."""

import json
from collections.abc import Callable

import click
import pytest
from access_world import AccessWorld
from policies import NOW, PolicyFiles, person

from p3idp import wiring
from p3idp.cli.main import run
from p3idp.core.policy.decide import decide

VO = "vo.access.egi.eu"
FILE = f"communities/{VO}.yaml"
HUB = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h, audiences: [a]}\n"
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path / "policy")


@pytest.fixture
def type_in(files, monkeypatch, capsys) -> Typed:
    """Type a command; its exit status, standard output and standard error."""
    monkeypatch.setenv("P3IDP_SETTINGS", str(files.root / "no-settings.toml"))
    monkeypatch.setattr(wiring, "now", lambda: NOW)

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", *words, "--policy-dir", str(files.root)])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *map(click.unstyle, capsys.readouterr())

    return typed


def roles(files: PolicyFiles, subject: str) -> list[tuple[str, ...]]:
    return [each.roles for each in decide(files.load(), person(subject=subject), NOW).access]


def test_who_is_named_has_access_and_is_taken_out_again(files, type_in) -> None:
    before = (files.root / FILE).read_text(encoding="utf-8")
    words = ("--role", "reader", "--role", "member", "--until", "2026-12-01", "--name", "Pia Guest")
    status, told, _ = type_in("community", "add-person", VO, "pia@egi.eu", *words)
    assert status == 0
    assert "+  - subject: pia@egi.eu" in told
    assert "+ membership pia@egi.eu of egi is in person:" in told
    assert told.splitlines()[-1].startswith("To see what this does to Keystone: p3idp plan")
    assert roles(files, "pia@egi.eu") == [("member", "reader")]
    shown = type_in("community", "show", VO)[1]
    assert "person     Pia Guest, pia@egi.eu of egi gets member, reader on p3@egi until 2026-12-01" in shown
    status, told, _ = type_in("community", "remove-person", VO, "pia@egi.eu")
    assert (status, roles(files, "pia@egi.eu")) == (0, [])
    assert "The next apply takes away:" in told
    assert (files.root / FILE).read_text(encoding="utf-8").split() == before.split()


def test_saying_the_same_twice_changes_nothing(files, type_in) -> None:
    type_in("community", "add-person", VO, "pia@egi.eu")
    status, told, _ = type_in("community", "add-person", VO, "pia@egi.eu")
    assert status == 0
    assert "Nothing to change" in told
    assert len(files.load().communities[1].people) == 1


def test_json_says_what_was_written(files, type_in) -> None:
    told = json.loads(type_in("community", "add-person", VO, "pia@egi.eu", "--json")[1])
    assert (told["changed"], [each["kind"] for each in told["come"]]) == (
        True,
        ["group", "role_assignment", "membership"],
    )
    shown = json.loads(type_in("community", "show", VO, "--json")[1])
    assert [(each["subject"], each["identity_provider"]) for each in shown["people"]] == [("pia@egi.eu", "egi")]


MISTAKES = {
    "an end that is over": (("--until", "2026-01-01"), 2, "is over"),
    "a project that is not there": (("--project", "p33"), 2, "did you mean `p3`?"),
    "a provider that is not there": (("--identity-provider", "eggi"), 2, "did you mean `egi`?"),
}


@pytest.mark.parametrize(("words", "status", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_changes_nothing_and_says_what_was_meant(files, type_in, words, status, said) -> None:
    before = (files.root / FILE).read_bytes()
    ended, _, told = type_in("community", "add-person", VO, "pia@egi.eu", *words)
    assert (ended, (files.root / FILE).read_bytes()) == (status, before), told
    assert said in told


@pytest.mark.parametrize("subject", ["pia;max", "[pia]", "JSON:pia", " pia", "pi\u00e4", ""])
def test_a_subject_that_keystone_would_not_read_as_it_stands_is_refused(files, type_in, subject) -> None:
    before = (files.root / FILE).read_bytes()
    status, _, told = type_in("community", "add-person", VO, subject)
    assert (status, (files.root / FILE).read_bytes()) == (2, before)
    assert "subject" in told


def test_where_there_are_two_providers_it_must_be_said_whose_subject_it_is(files, type_in) -> None:
    files.change("site.yaml", "  egi:\n", f"{HUB}  egi:\n")
    status, _, told = type_in("community", "add-person", VO, "pia@egi.eu")
    assert status == 2
    assert "--identity-provider hub or egi" in told
    assert type_in("community", "add-person", VO, "pia@egi.eu", "--identity-provider", "egi")[0] == 0


def test_nobody_of_that_name_is_taken_out(files, type_in) -> None:
    type_in("community", "add-person", VO, "pia@egi.eu")
    status, _, told = type_in("community", "remove-person", VO, "pia@egi.EU")
    assert status == 2
    assert "Did you mean pia@egi.eu?" in told


def test_a_plan_is_empty_once_it_is_applied_and_why_says_through_what(files, type_in, tmp_path) -> None:
    type_in("community", "add-person", VO, "pia@egi.eu")
    world = AccessWorld(files)
    world.apply()
    assert world.actions() == []
    claims = tmp_path / "claims.json"
    claims.write_text(json.dumps({"sub": "pia@egi.eu"}), encoding="utf-8")
    status, told, _ = type_in("why", "--claims", str(claims))
    assert status == 0, told
    assert "through pia@egi.eu" in told
    assert "pia@egi.eu (Check-in) has access to p3@egi (member)" in told
    hit = next(
        each
        for each in json.loads(type_in("why", "--claims", str(claims), "--json")[1])["rules"]
        if each["verdict"] == "hit"
    )
    assert (hit["subject"], hit["identity_provider"]) == ("pia@egi.eu", "egi")
