"""`p3idp migrate` as typed: stages, what is counted, refusals with their status, JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from moves import NEW, NEW_ISSUER, OLD, USUAL, MovingSite, by
from policies import ISSUER, NOW, OPERATOR, PolicyFiles

from p3idp import wiring
from p3idp.cli.main import run
from p3idp.cli.migrate_text import status_lines

Typed = Callable[..., tuple[int, str, str]]
CLAIM, ISSUERS = ("claim", OLD, NEW), ("issuer", ISSUER, NEW_ISSUER)


@pytest.fixture
def site(tmp_path: Path) -> MovingSite:
    return MovingSite(PolicyFiles(tmp_path / "policy"))


@pytest.fixture
def type_in(site: MovingSite, tmp_path: Path, monkeypatch, capsys) -> Typed:
    """Type a migration; its exit status, standard output and standard error."""
    monkeypatch.setenv("P3IDP_SETTINGS", str(tmp_path / "none.toml"))
    monkeypatch.setattr(wiring, "wire_migrations", lambda text, settings: site.ops)
    monkeypatch.setattr(wiring, "now", lambda: NOW)

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", "migrate", *words, "--policy-dir", str(site.files.root)])
        with pytest.raises(SystemExit) as ended:
            run()
        status, told, problem = int(ended.value.code or 0), *capsys.readouterr()
        return status, click.unstyle(told), problem

    return typed


def test_a_stage_shows_what_it_changed_and_what_follows(site, type_in) -> None:
    status, told, _ = type_in(*ISSUERS)
    assert status == 0
    assert f"+    issuers: [{ISSUER}, {NEW_ISSUER}]" in told
    assert f"p3idp plan --policy-dir {site.files.root}" in told
    assert "p3idp site config" in told
    assert "Nothing to change" in type_in(*ISSUERS)[1]
    assert f"+    issuers: [{NEW_ISSUER}, {ISSUER}]" in type_in(*ISSUERS, "switch")[1]


def test_the_status_says_who_uses_what_with_its_coverage_and_names_who_would_lose(site, type_in) -> None:
    site.meet(USUAL, by(OPERATOR, subject="bob@egi.eu"))
    site.know("unseen")
    status, told, _ = type_in(*CLAIM, "status")
    assert status == 0
    for words in (
        "egi: both accepted, the new one first",
        "the old claim alone           1        1, the latest on 2026-11-21",
        "both claims, alike            1        1",
        "2 people remembered, since 2026-11-21",
        "of Keystone's 3 users 2 (66 %) were seen",
        "bob@egi.eu of egi: member on p3@egi (last login 2026-11-21)",
        "Not safe to finish:",
        "people-lose-access: one person would lose access",
    ):
        assert words in told


def test_it_is_safe_in_so_many_words_and_then_ends(site, type_in) -> None:
    site.meet(USUAL)
    assert "Safe to finish." in type_in(*CLAIM, "status")[1]
    assert type_in(*CLAIM, "finish")[0] == 0
    assert "Ended" in type_in(*CLAIM, "status")[1]


def test_finish_is_refused_with_status_4_until_the_danger_is_accepted(site, type_in) -> None:
    site.meet(by(OPERATOR))
    before = site.site()
    status, told, problem = type_in(*CLAIM, "finish")
    assert (status, told, site.site()) == (4, "", before)
    assert "migration-unsafe" in problem
    assert "people-lose-access" in problem
    accepted = ("--accept", "people-lose-access", "--accept", "old-still-used")
    assert type_in(*CLAIM, "finish", *accepted)[0] == 0


def test_machines_read_the_same(site, type_in) -> None:
    site.meet(by(OPERATOR, subject="bob"))
    told = json.loads(type_in(*CLAIM, "status", "--json")[1])
    assert (told["safe"], told["uses"]["old"]["lately"], told["coverage"]["percent"]) == (False, 1, 100)
    assert told["losers"][0]["subject"] == "bob"
    assert told["losers"][0]["lost"] == [{"kind": "project", "name": "p3", "domain": "egi", "role": "member"}]
    changed = json.loads(type_in(*ISSUERS, "--json")[1])
    assert (changed["changed"], changed["path"]) == (True, "site.yaml")
    problem = json.loads(type_in(*CLAIM, "finish", "--json")[2])
    assert problem["error"]["code"] == "migration-unsafe"


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ((*CLAIM, "switch"), 2, "switch"),
        ((*CLAIM, "status", "--accept", "people-lose-access"), 2, "goes with the stage finish"),
        (("claim", "groups", NEW), 0, "Nothing to change"),
        (("claim", "groups", "more"), 2, "migration-impossible"),
        (("issuer", ISSUER, NEW_ISSUER, "finish"), 4, "migration-not-begun"),
    ],
)
def test_what_makes_no_sense_has_its_status(type_in, words, status: int, told: str) -> None:
    found, said, problem = type_in(*words)
    assert (found, told in said + problem) == (status, True)


def test_before_it_begins_the_status_says_so(type_in) -> None:
    assert "Not begun: call the command without a stage." in type_in(*ISSUERS, "status")[1]


def test_a_long_list_of_losers_is_cut_and_says_where_all_of_them_are(site) -> None:
    site.meet(*[by(OPERATOR)] * 25)
    lines = list(status_lines(site.status()))
    assert sum(line.startswith("  - ") for line in lines) == 20
    assert "  and 5 more (all of them: --json)" in lines
