"""`p3idp application-credential` and `config` before anybody is asked: what they take, and where a secret may go."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from p3idp.cli.main import run
from p3idp.cli.own_credentials_text import CredentialProject, as_body, as_lines, export_lines, shown_lines
from p3idp.client.credential_values import AccessRule, OwnCredential
from p3idp.client.here import CACHE_VARIABLE, CONFIG_VARIABLE

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """The code and the message of a call that ends with this status; nobody is signed in, nor any cloud known."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "client.toml"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def call(*words: str, status: int = 2) -> str:
        monkeypatch.setattr(sys, "argv", ["p3idp", *words, "--json"])
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        assert int(ended.value.code or 0) == status, printed.err
        error = json.loads(printed.err)["error"]
        return f"{error['code']}: {error['detail']} {error['hint']}"

    return call


# what is typed after `create NAME`, and a word of the refusal
MISTAKES = {
    "an end in the past": (("--until", "2026-01-01"), "before it began"),
    "no days": (("--days", "0"), "before it began"),
    "days before today": (("--days", "-3"), "before it began"),
    "more than a year": (("--days", "367"), "that everybody has forgotten"),
    "a day of another age": (("--until", "2126-01-01"), "that everybody has forgotten"),
    "more days than there are": (("--days", "99999999999"), "no date"),
    "no date": (("--until", "tomorrow"), "no date"),
    "a day that is not": (("--until", "2026-02-30"), "no date"),
    "two ends": (("--days", "3", "--until", "2026-12-31"), "exclude each other"),
    "two places": (("--write", "--out", "f"), "exclude each other"),
    "a name for nothing": (("--as", "x"), "for --write"),
    "a file for nothing": (("--file", "x"), "for --write"),
    "a rule of one part": (("--access-rule", "GET"), "no access rule"),
    "a rule without a method": (("--access-rule", "FETCH:compute:/v2.1"), "no access rule"),
    "a rule without a path": (("--access-rule", "GET:compute:v2.1"), "no access rule"),
    "a rule without a service": (("--access-rule", "GET::/v2.1"), "no access rule"),
}


@pytest.mark.parametrize(("words", "why"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_met_before_anybody_is_asked(refused: Refused, words: tuple[str, ...], why: str):
    told = refused("application-credential", "create", "ci", *words)
    assert told.startswith("usage-mistaken: ")
    assert why in told


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "p3idp-exchange-mine", "p3idp-exec-mine"])
def test_a_name_is_neither_empty_nor_p3idps_own(refused: Refused, name: str):
    assert refused("application-credential", "create", name).startswith("usage-mistaken: ")


@pytest.mark.parametrize(
    "words",
    [("application-credential", "create", "ci"), ("application-credential", "list"), ("config", "write"),
     ("application-credential", "show", "ci"), ("application-credential", "revoke", "ci"),
     ("exec", "--long", "true")],
    ids=" ".join,
)  # fmt: skip
def test_without_a_cloud_they_say_how_to_name_one(refused: Refused, words: tuple[str, ...]):
    assert "cloud-unknown" in refused(*words)


def test_a_secret_does_not_go_to_a_terminal_unasked(refused: Refused, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    told = refused("application-credential", "create", "ci")
    assert "Nothing was made" in told
    assert refused("application-credential", "create", "ci", "--show").startswith("cloud-unknown: ")
    assert refused("application-credential", "create", "ci", "--write").startswith("cloud-unknown: ")


def test_hours_are_for_long_runs(refused: Refused):
    assert "--hours is for --long" in refused("exec", "--hours", "3", "true")


def credential(name: str, ends: datetime | None, **more: object) -> OwnCredential:
    given: dict[str, object] = {"id": "1", "project_id": "p1", "roles": ("reader",), "unrestricted": False, "rules": (),
                                "description": "", **more}  # fmt: skip
    return OwnCredential(name=name, ends_at=ends, **given)  # type: ignore[arg-type]  # by their names


def test_the_list_says_what_each_is_and_until_when(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "160")
    rules = (AccessRule("GET", "compute", "/v2.1"),)
    shown = [
        credential("over\x1b[2J", NOON),
        credential("soon", NOON + timedelta(days=1), rules=rules),
        credential("older", None, unrestricted=True, project_id="gone", roles=("member", "reader")),
        credential("p3idp-exec-x", NOON + timedelta(days=30)),
    ]
    lines = list(as_lines(shown, {"p1": CredentialProject("p3@egi")}, NOON, hidden=2))
    assert "ended 2026-11-22 12:00 UTC" in lines[0]
    assert "\x1b[2J" not in lines[0]
    assert "ends 2026-11-23 12:00 UTC  access rules: 1" in lines[1]
    assert all(word in lines[2] for word in ("gone (you do not reach it now)", "ends never"))
    assert "ends 2026-12-22 12:00 UTC" in lines[3]
    assert "2 that a broker made for exchanges" in lines[4]
    assert list(as_lines([], {}, NOON, hidden=0)) == ["You have no application credentials."]


def test_the_list_says_when_a_membership_ends_before_the_credential(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "160")
    projects = {"p1": CredentialProject("p3@egi", NOON + timedelta(hours=8))}
    shown = [credential("long", NOON + timedelta(days=30)), credential("short", NOON + timedelta(hours=1)),
             credential("endless", None), credential("over", NOON)]  # fmt: skip
    *lines, told = as_lines(shown, projects, NOON, hidden=0)
    assert ["works until 2026-11-22 20:00 UTC" in line for line in lines] == [True, False, True, False]
    assert "when you sign in again" in told
    assert as_body(shown[1], projects, NOON)["access_until"] == "2026-11-22T20:00:00+00:00"
    assert as_body(shown[1], {}, NOON)["access_until"] is None


def test_one_is_shown_in_the_words_of_the_list():
    projects = {"p1": CredentialProject("p3@egi", NOON + timedelta(hours=8))}
    body = as_body(credential("long\x1b[2J", NOON + timedelta(days=30), roles=("member", "reader")), projects, NOON)
    lines = {line[:13].strip(): line[14:] for line in shown_lines(body)}
    assert lines["name"] == "long\ufffd[2J"
    assert lines["roles"] == "member, reader"
    assert lines["ends"] == "2026-12-22 12:00 UTC"
    assert lines["access until"] == "2026-11-22 20:00 UTC"
    assert (lines["expired"], lines["unrestricted"]) == ("no", "no")
    assert "description" not in lines


def test_shell_lines_take_anything_and_name_nobody_else():
    lines = export_lines({"OS_AUTH_URL": "https://k.test/v3", "OS_CACERT": "/a b/$(touch x)'.pem"})
    assert "unset OS_CLOUD\n" in lines
    assert "export OS_AUTH_URL=https://k.test/v3\n" in lines
    assert """export OS_CACERT='/a b/$(touch x)'"'"'.pem'\n""" in lines
