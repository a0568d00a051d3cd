"""`p3idp community` as typed: what is written, what is printed, and that a mistake changes nothing and says where."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from access_world import AccessWorld
from click.testing import CliRunner
from policies import NOW, OPERATOR, SITE, PolicyFiles, person

from p3idp import wiring
from p3idp.cli.community_text import table_lines
from p3idp.cli.main import main, run
from p3idp.core.access.resources import Kind
from p3idp.core.policy.community_view import views
from p3idp.core.policy.decide import decide
from p3idp.core.policy.examples import failed_examples
from p3idp.core.policy.model import ProjectRef

CATALOGUE = Path(__file__).parents[1] / "data/egi-vo-mappings.yaml"
BIOMED = "urn:mace:egi.eu:group:biomed:role=vm_operator#aai.egi.eu"
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path / "policy")


@pytest.fixture
def type_in(files, monkeypatch, capsys) -> Typed:
    """Type a command; its exit status, standard output and standard error."""
    monkeypatch.setenv("P3IDP_SETTINGS", str(files.root / "no-settings.toml"))
    monkeypatch.setattr(wiring, "now", lambda: NOW)

    def typed(*words: str, policy: bool = True) -> tuple[int, str, str]:
        where = ("--policy-dir", str(files.root)) if policy else ()
        monkeypatch.setattr("sys.argv", ["p3idp", "community", *words, *where])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *capsys.readouterr()

    return typed


def snapshot(files: PolicyFiles) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in files.root.rglob("*") if path.is_file()}


def project_access(files: PolicyFiles, *held: str) -> list[str]:
    return [str(access.project) for access in decide(files.load(), person(*held), NOW).access]


def test_add_from_the_real_catalogue_lets_its_people_in_and_nobody_else(files, type_in):
    status, told, beside = type_in("add", "biomed", "--catalogue", str(CATALOGUE))
    assert (status, beside) == (0, "")
    assert "+  - entitlement: urn:mace:egi.eu:group:biomed:role=vm_operator#aai.egi.eu" in told
    assert told.splitlines()[-1] == f"To see what this does to Keystone: p3idp plan --policy-dir {files.root}"
    assert project_access(files, BIOMED) == ["biomed@egi"]
    assert project_access(files, BIOMED.replace("vm_operator", "member")) == []
    policy = files.load()
    assert list(failed_examples(policy)) == []
    assert len(policy.communities[0].examples) == 2


def test_every_option_of_add_reaches_the_file(files, type_in):
    words = ("--entitlement", "urn:x:y:group:a:b", "--project", "p3", "--role", "reader", "--role", "member")
    more = ("--title", "A: title # one", "--contact", "a@b", "--until", "2027-01-01", "--json")
    status, told, _ = type_in("add", "/a/b", *words, *more)
    assert status == 0
    answer = json.loads(told)
    assert answer["path"] == "communities/a.b.yaml"
    assert answer["changed"] is True
    (community,) = [each for each in files.load().communities if each.name == "a.b"]
    assert (community.title, community.contact) == ("A: title # one", "a@b")
    assert f"{community.validity.until:%Y-%m-%d}" == "2027-01-01"
    assert community.rules[0].grants == ((ProjectRef("egi", "p3"), ("member", "reader")),)
    assert community.projects[0].properties == (("egi.VO", "/a/b"),)


def test_the_settings_name_the_catalogue_and_the_first_community_needs_no_other(type_in, tmp_path, monkeypatch):
    root = tmp_path / "fresh"
    root.mkdir()
    (root / "site.yaml").write_text(SITE)
    (tmp_path / "catalogue.yaml").write_bytes(CATALOGUE.read_bytes())
    (tmp_path / "secret").write_text("x")
    secret = '{ file = "secret" }'
    (tmp_path / "settings.toml").write_text(
        'policy_dir = "fresh"\ncatalogue = "catalogue.yaml"\n'
        f'[keystone]\nauth_url = "https://k.test"\nusername = "a"\npassword = {secret}\n'
        f'[providers.egi]\nclient_id = "c"\nclient_secret = {secret}\n'
    )
    status, told, beside = type_in("add", "biomed", "--settings", str(tmp_path / "settings.toml"), policy=False)
    assert (status, beside) == (0, "")
    assert told.splitlines()[-1].endswith(f"p3idp plan --settings {tmp_path}/settings.toml")
    assert (root / "communities/biomed.yaml").exists()


# (what is typed, exit status, code, words)
MISTAKES = {
    "a path": (("add", "../x", "--entitlement", BIOMED), 2, "community-name-bad", "'../x' is no name"),
    "a name with a NUL": (("suspend", "a\0b"), 2, "community-name-bad", r"'a\x00b'"),
    "a terminal's colour": (("show", "\x1b[31mred"), 2, "community-name-bad", r"'\x1b[31mred'"),
    "one that is there": (("add", "vo.access.egi.eu", "--entitlement", BIOMED), 4, "community-exists", "already"),
    "one in capitals": (("add", "VO.access.egi.eu", "--entitlement", BIOMED), 4, "community-exists", "already"),
    "a bad URN": (("add", "x", "--entitlement", "urn:mace:egi.eu: group:x:role=a"), 2, "entitlement-bad", "did you"),
    "no entitlement": (("add", "x"), 2, "entitlement-bad", "Nothing says"),
    "one that the catalogue has wrong": (
        ("add", "vo.imagine-ai.eu", "--catalogue", str(CATALOGUE)),
        2,
        "entitlement-bad",
        "yaml:50: ",
    ),
    "no catalogue": (("add", "x", "--catalogue", "/nowhere"), 2, "catalogue-invalid", "/nowhere:1: "),
    "a directory for a catalogue": (("list", "--catalogue", "/"), 2, "catalogue-invalid", "cannot be read"),
    "both": (("add", "x", "--catalogue", "y", "--entitlement", "z"), 2, "usage-mistaken", "not both"),
    "an end that is over": (
        ("add", "x", "--entitlement", BIOMED, "--until", "2026-11-22"),
        2,
        "usage-mistaken",
        "over",
    ),
    "a project with a blank": (
        ("add", "x", "--entitlement", BIOMED, "--project", " x"),
        2,
        "policy-invalid",
        "communities/x.yaml:5: ",
    ),
    "an entitlement that opens another": (
        ("add", "x", "--entitlement", OPERATOR, "--project", "other"),
        2,
        "policy-invalid",
        "expects member on other@egi, but gets member on other@egi, member on p3@egi",
    ),
    "an unknown one": (("suspend", "vo.acess.egi.eu"), 2, "community-unknown", "Did you mean vo.access.egi.eu?"),
    "two lines for a reason": (("suspend", "vo.access.egi.eu", "--reason", "a\nb"), 2, "usage-mistaken", "one line"),
    "--json and a question": (("remove", "vo.access.egi.eu"), 2, "usage-mistaken", "--yes"),
    "no settings for Keystone": (("show", "vo.access.egi.eu", "--keystone"), 2, "usage-mistaken", "a settings file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_and_changes_nothing(files, type_in, mistake):
    words, status, code, told = MISTAKES[mistake]
    before = snapshot(files)
    ended, out, beside = type_in(*words, "--json")
    assert (ended, out) == (status, "")
    error = json.loads(beside)["error"]
    assert error["code"] == code
    assert told in error["detail"]
    assert error["hint"]
    assert snapshot(files) == before


def test_a_policy_that_is_wrong_elsewhere_is_not_added_to(files, type_in):
    files.change("communities/training.egi.eu.yaml", "title:", "titel:")
    before = snapshot(files)
    for words in (("add", "x", "--entitlement", BIOMED), ("suspend", "vo.access.egi.eu"), ("list",)):
        status, _, beside = type_in(*words)
        assert (status, "communities/training.egi.eu.yaml:1: " in beside) == (2, True)
    assert snapshot(files) == before


def test_the_last_community_is_not_removed(files, type_in):
    assert type_in("remove", "training.egi.eu", "--yes")[0] == 0
    status, _, beside = type_in("remove", "vo.access.egi.eu", "--yes")
    assert (status, "there is no community here" in beside) == (2, True)
    assert project_access(files, OPERATOR) == ["p3@egi"]


def test_suspend_and_resume_leave_the_file_as_it_was(files, type_in):
    before = snapshot(files)
    status, told, _ = type_in("suspend", "vo.access.egi.eu", "--reason", "incident 4711")
    assert status == 0
    assert "- role assignment vo.access.egi.eu:role=vm_operator@egi has member on project p3@egi" in told
    assert "group vo" not in told, "groups stay"
    assert project_access(files, OPERATOR) == []
    assert "+  since: 2026-11-22T09:00:00Z" in told.splitlines()
    again = type_in("suspend", "vo.access.egi.eu", "--reason", "another")
    assert "Nothing to change" in again[1]
    assert json.loads(type_in("show", "vo.access.egi.eu", "--json")[1])["suspended"]["reason"] == "incident 4711"
    assert type_in("resume", "vo.access.egi.eu")[0] == 0
    assert snapshot(files) == before
    assert "Nothing to change" in type_in("resume", "vo.access.egi.eu")[1]


@pytest.mark.parametrize(
    ("typed", "status", "gone"),
    [("vo.access.egi.eu\n", 0, True), ("/vo.access.egi.eu\n", 0, True), ("yes\n", 4, False), ("", 1, False)],
    ids=["its name", "its name, VOMS-style", "yes", "nothing"],
)
def test_remove_wants_the_name_typed(files, type_in, monkeypatch, typed, status, gone):
    done = CliRunner().invoke(main, ["community", "remove", "vo.access.egi.eu", "--policy-dir", str(files.root)], typed)
    assert (done.exit_code != 0) == (status != 0)
    assert "- group vo.access.egi.eu:role=vm_operator@egi" in done.output
    assert "p3idp does not delete:\n  · project p3@egi" in done.output
    assert ("git checkout -- communities/vo.access.egi.eu.yaml" in done.output) is gone
    assert (files.root / "communities/vo.access.egi.eu.yaml").exists() is not gone


def test_the_list_says_state_and_standing_and_fits_the_terminal(files, type_in):
    type_in(
        "add", "biomed", "--catalogue", str(CATALOGUE), "--title", "A very long title \N{PILE OF POO} of biomed" * 5
    )
    type_in("suspend", "training.egi.eu")
    files.change("communities/vo.access.egi.eu.yaml", "#aai.egi.eu", "")
    files.change("communities/vo.access.egi.eu.yaml", "vm_operator", "member")
    told = json.loads(type_in("list", "--json", "--catalogue", str(CATALOGUE))[1])["communities"]
    assert [(each["name"], each["state"], each["catalogue"]) for each in told] == [
        ("biomed", "open", "same"),
        ("training.egi.eu", "suspended", "same"),
        ("vo.access.egi.eu", "open", "different"),
    ]
    for width in (70, 80, 100, 300):
        lines = list(table_lines(views(files.load(), None, NOW), width))
        assert len(lines) == 4
        assert max(len(click.unstyle(line)) for line in lines) <= width


def test_a_hostile_title_cannot_steer_the_terminal(files, type_in):
    files.change("communities/vo.access.egi.eu.yaml", "Applications on Demand", '"x\\e[2Jy"')
    for words in (("list",), ("show", "vo.access.egi.eu")):
        status, told, _ = type_in(*words)
        assert status == 0
        assert "\x1b" not in told


def test_show_prints_what_is_written_elsewhere(files, type_in, monkeypatch):
    type_in("add", "/biomed/vip", "--catalogue", str(CATALOGUE))
    assert type_in("show", "/biomed/vip", "--catalogue-entry")[1].splitlines()[1] == "  - name: /biomed/vip"
    assert "vo_property = egi.VO" in type_in("show", "biomed.vip", "--caso")[1]
    answer = json.loads(type_in("show", "biomed.vip", "--json", "--catalogue", str(CATALOGUE))[1])
    assert answer["catalogue"] == "same"
    assert answer["projects"][0]["properties"] == {"egi.VO": "/biomed/vip"}
    assert "project_id" in answer["catalogue_entry"]


def test_names_are_completed_from_the_policy_directory(files, monkeypatch):
    def completed(*words: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", " ".join(["p3idp", "community", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words) + 1))  # the last word, which is begun
        monkeypatch.setenv("_P3IDP_COMPLETE", "bash_complete")
        done = CliRunner().invoke(main, prog_name="p3idp")
        assert done.exit_code == 0, done.output
        return [line.split(",")[1] for line in done.output.splitlines() if line]

    where = ("--policy-dir", str(files.root))
    monkeypatch.setenv("P3IDP_SETTINGS", str(files.root / "none"))
    assert completed("show", *where, "vo") == ["vo.access.egi.eu"]
    assert completed("suspend", *where, "") == ["training.egi.eu", "vo.access.egi.eu"]
    assert completed("show", "vo") == [], "no settings, no names, and no traceback"
    os.rename(files.root / "communities", files.root / "elsewhere")
    assert completed("remove", *where, "") == []


def test_what_is_written_is_planned_and_applied(files, type_in):
    world = AccessWorld(files)
    world.apply()
    type_in("add", "biomed", "--catalogue", str(CATALOGUE))
    assert world.actions() == [
        "create project biomed@egi",
        "create group biomed:role=vm_operator@egi",
        "create role_assignment biomed:role=vm_operator@egi has member on project biomed@egi",
        "update mapping p3idp-egi",
    ]
    world.apply()
    assert world.keystone.held[Kind.PROJECT, ("egi", "biomed")].attributes == {"egi.VO": "biomed"}
    files.change("communities/biomed.yaml", "egi.VO: biomed", "egi.VO: biomed2")
    (change,) = world.plan().changes
    assert change.different == {"egi.VO": ("biomed", "biomed2")}
    world.apply()
    type_in("suspend", "biomed")
    assert world.actions() == ["delete role_assignment biomed:role=vm_operator@egi has member on project biomed@egi"]
    world.apply("too-many-removals")
    type_in("resume", "biomed")
    assert world.actions() == ["create role_assignment biomed:role=vm_operator@egi has member on project biomed@egi"]
    world.apply()
    assert world.actions() == []
