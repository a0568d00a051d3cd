"""`p3idp credentials` as typed: the list that fits a terminal, its exit status, and messages for the site's mailer."""

import email
import email.policy
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from policies import NOW, OPERATOR, PolicyFiles, person

from p3idp import wiring
from p3idp.adapters.memory.holdings import MemoryHoldings
from p3idp.adapters.memory.ledger import MemoryLedger
from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.cli import credentials
from p3idp.cli.main import run
from p3idp.core.access.people.known import ShadowUser, ShadowUsers
from p3idp.core.credentials.held import ApplicationCredential, Holdings, Membership
from p3idp.core.login.remembered import remembered
from p3idp.core.policy.model import ProjectRef
from p3idp.ops.credential_notices import CredentialNotices
from p3idp.ops.credentials import CredentialWatch

Typed = Callable[..., tuple[int, str, str]]
GROUP = ("egi", "vo.access.egi.eu:role=vm_operator")
LONG = "3ee8e0dbea05cc9389fedb1a46e7967626aa9f78241b3e0eafb5eab7d277587d@egi.eu"


def a_credential(name: str, project: str = "p3", **more: object) -> ApplicationCredential:
    said = {"id": f"id-{name}", "name": name, "project": ProjectRef("egi", project), "project_id": project}
    return ApplicationCredential(**(said | {"roles": ("member",)} | more))  # type: ignore[arg-type]  # as said


@pytest.fixture
def keystone() -> MemoryHoldings:
    keystone = MemoryHoldings(grants={GROUP: [("p3", "member"), ("p3", "reader"), ("q", "member")]})
    keystone.in_groups = {
        "u1": [Membership(GROUP, NOW + timedelta(days=3))],
        "u2": [Membership(GROUP, NOW + timedelta(days=30))],
    }
    keystone.held = {
        "u1": Holdings((a_credential("nightly"), a_credential("evil\x1b[2J\nname", unrestricted=True))),
        "u2": Holdings((a_credential("backup", "q"),)),
        "u3": Holdings((a_credential("old"),)),
    }
    return keystone


@pytest.fixture
def users() -> list[ShadowUser]:
    return [
        ShadowUser("u1", LONG, "egi", email="ann@example.org"),
        ShadowUser("u2", "ben", "egi"),
        ShadowUser("u3", "cyd", "egi", email="not an\naddress"),
    ]


@pytest.fixture
def type_in(keystone, users, tmp_path, monkeypatch, capsys) -> Typed:
    """Type a command; its exit status, standard output and standard error."""
    policy, logins, ledger = PolicyFiles(tmp_path / "policy"), MemoryLogins(), MemoryLedger()
    logins.remember(remembered(person(OPERATOR, subject=LONG), NOW - timedelta(days=3)))
    watch = CredentialWatch(
        policy.load, lambda domain, providers: ShadowUsers(tuple(users)), keystone, lambda: logins, lambda: None
    )
    notices = CredentialNotices(lambda: ledger, "memory://keystone", "https://broker.test/access")
    monkeypatch.setattr(credentials, "load_settings", lambda file: None)
    monkeypatch.setattr(wiring, "wire_credentials", lambda settings: watch)
    monkeypatch.setattr(wiring, "wire_credential_notices", lambda settings: notices)
    monkeypatch.setattr(wiring, "now", lambda: NOW)
    monkeypatch.setenv("COLUMNS", "80")

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", "credentials", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *capsys.readouterr()

    return typed


def test_the_list_is_worst_first_with_owner_end_and_what_to_do(type_in):
    status, told, _ = type_in("list")
    assert status == 0
    names = [told.index(name) for name in ("old", "nightly", "backup")]
    assert names == sorted(names)
    assert f"    {LONG} of egi <ann@example.org>" in told, "never cut: it is there to be copied"
    assert "Works until 2026-11-25 09:00 UTC" in told
    assert "The owner must sign in by 2026-11-25 09:00 UTC." in told
    assert "Coverage: 3 people asked about, 3 with credentials" in told
    assert "claims of 1" in told


def test_lines_fit_the_terminal_but_for_what_is_copied_and_steer_nothing(type_in, keystone):
    keystone.held["u4"] = keystone.held["u2"] = Holdings((a_credential("long-" * 40, "q"),))
    _, told, _ = type_in("list")
    assert "long-long-" in told
    assert "\x1b" not in told
    assert not [line for line in told.splitlines() if len(line) > 80 and LONG not in line]
    assert "unrestricted" in told


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--project", "q@egi"), {"backup"}),
        (("--project", "q"), {"backup"}),
        (("--project", "q@other"), set()),
        (("--owner", "ben"), {"backup"}),
        (("--lapsing", "4"), {"nightly", "evil\x1b[2J\nname"}),
        (("--lapsing", "2.5"), set()),
        ((), {"nightly", "evil\x1b[2J\nname", "backup", "old"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_list_can_be_narrowed(type_in, words, names):
    status, told, _ = type_in("list", "--json", *words)
    assert status == 0
    assert {each["name"] for each in json.loads(told)["credentials"]} == names


@pytest.mark.parametrize(
    ("words", "status"),
    [((), 6), (("--lapsing", "2"), 0), (("--lapsing", "3"), 6), (("--project", "q"), 0), (("--owner", "cyd"), 0)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_timer_is_told_by_the_exit_status_what_stops_within_the_window(type_in, words, status):
    assert type_in("list", "--detailed-exitcode", *words)[0] == status


def test_a_list_of_users_that_was_cut_short_is_said_and_is_no_good_news(type_in, monkeypatch, users):
    del users[:2]
    assert type_in("list", "--detailed-exitcode")[0] == 0
    watch = wiring.wire_credentials(None)
    cut = replace(watch, users=lambda domain, providers: ShadowUsers(tuple(users), complete=False))
    monkeypatch.setattr(wiring, "wire_credentials", lambda settings: cut)
    status, told, _ = type_in("list", "--detailed-exitcode")
    assert status == 6
    assert "Keystone cut its list of users short" in told


def test_an_owner_that_nobody_knows_is_an_error_for_machines_too(type_in):
    assert type_in("list", "--owner", "")[0] == 2, "an empty name is not everybody"
    status, _, told = type_in("list", "--owner", "nobody", "--json")
    assert status == 2
    assert json.loads(told)["error"]["code"] == "owner-unknown"


def test_json_says_all_of_one(type_in):
    (found,) = json.loads(type_in("list", "--json", "--owner", "ben")[1])["credentials"]
    assert found["owner"] == {
        **{"subject": "ben", "identity_provider": "egi", "user_id": "u2"},
        **{"email": None, "consented": False},
    }
    assert (found["state"], found["kept_by"]) == ("lapses", "sign-in")
    assert (found["stops_at"], found["project"], found["roles"]) == ("2026-12-22T09:00:00+00:00", "q@egi", ["member"])


def messages(directory: Path) -> list[email.message.EmailMessage]:
    found = [email.message_from_bytes(each.read_bytes(), policy=email.policy.default) for each in directory.iterdir()]
    return sorted(found, key=lambda each: str(each["Subject"]))  # type: ignore[type-var,arg-type,return-value]  # policy


def test_messages_are_ready_for_the_sites_mailer(type_in, tmp_path):
    target = tmp_path / "out" / "mail"
    status, told, _ = type_in("warn", "--to", str(target))
    assert (status, told) == (0, "2 messages.\n")
    stops, stopped = sorted(messages(target), key=lambda each: "stopped" in str(each["Subject"]))
    assert (stops["To"], stops["From"]) == ("ann@example.org", "support@example.org")
    assert stops["Subject"] == "A site: 2 application credentials of yours stop working in 3 days"
    assert (stops["Auto-Submitted"], stops["X-P3idp-Subject"].strip()) == ("auto-generated", LONG)
    text = stops.get_content()
    assert "* nightly on p3@egi, as member" in text
    assert "Sign in by 2026-11-25 09:00 UTC: that renews it." in text
    assert "https://broker.test/access" in text
    assert "Questions: support@example.org" in text
    assert max(map(len, text.splitlines())) <= 78
    assert stopped["To"] is None, "what Keystone holds is no address"
    assert {oct(os.stat(each).st_mode & 0o777) for each in target.iterdir()} == {"0o600"}
    assert not [each for each in target.iterdir() if each.name.startswith(".")]


def test_a_second_run_says_nothing_new_and_a_dry_run_changes_nothing(type_in, tmp_path):
    assert "2 messages would be written." in type_in("warn", "--dry-run")[1]
    assert type_in("warn", "--to", str(tmp_path / "a"))[1] == "2 messages.\n"
    assert type_in("warn", "--to", str(tmp_path / "b"))[1] == "0 messages.\n"
    assert not list((tmp_path / "b").iterdir())
    assert type_in("warn", "--to", str(tmp_path / "c"), "--again-after", "0")[1] == "1 message.\n"


def test_what_could_not_be_written_was_not_told(type_in, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    assert type_in("warn", "--to", str(taken))[0] == 1
    assert type_in("warn", "--to", str(tmp_path / "mail"))[1] == "2 messages.\n"


def test_json_is_one_notice_a_line(type_in):
    status, told, aside = type_in("warn", "--json")
    lines = [json.loads(line) for line in told.splitlines()]
    assert status == 0
    assert sorted(str(line["to"]) for line in lines) == ["None", "ann@example.org"]
    assert "2 messages." in aside
    assert "\x1b" not in told


@pytest.mark.parametrize(
    "words",
    [
        ("warn",),
        ("warn", "--to", "x", "--from", "no address"),
        ("list", "--lapsing", "-1"),
        ("list", "--lapsing", "nan"),
        ("warn", "--dry-run", "--again-after", "nan"),
    ],
)
def test_a_call_that_is_not_clear_is_refused_with_help(type_in, words):
    status, _, told = type_in(*words)
    assert status == 2
    assert told
