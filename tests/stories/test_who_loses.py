"""Real people sign in, the plan says by name who loses what, and after the apply Keystone says the same.

On the real Keystone, with real tokens through the broker's exchange, and one person whom only Apache saw.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from exchange_world import a_form
from keystone_checks import KeystoneChecks
from keystoneclient.v3.client import Client
from typed import typed as type_in

from p3idp import wiring
from p3idp.adapters.keystone.session import make_session
from p3idp.core.access.people.known import user_id
from p3idp.lab.handle import LabHandle
from p3idp.lab.layout import write_private
from p3idp.lab.servers.checkin import SOURCE

PEOPLE = json.loads((SOURCE / "people.json").read_text(encoding="utf-8"))
SUBJECT = {person["login"]: person["voperson_id"] for person in PEOPLE}
ACCESS, TRAINING = "communities/vo.access.egi.eu.yaml", "communities/training.egi.eu.yaml"


def typed(settings: Path, *words: str, status: int = 0) -> str:
    """What a command said."""
    return "".join(type_in(settings, *words, status=status))


def apply_all(settings: Path, *more: str) -> None:
    """Plan, read, and apply with every danger accepted by its name."""
    plan = json.loads(typed(settings, "plan", "--json", *more))
    if not plan["changes"]:
        return
    names = sorted({finding["name"] for finding in plan["findings"] if finding["blocking"]})
    accepted = [word for name in names for word in ("--accept", name)]
    typed(settings, "apply", "--digest", plan["digest"], *accepted, *more)


@pytest.fixture
def settings(site: LabHandle) -> Iterator[Path]:
    apply_all(site.settings_path)
    yield site.settings_path
    apply_all(site.settings_path)  # others use this lab's policy after us


@pytest.fixture
def draft(site: LabHandle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(site.layout.policy, tmp_path / "draft"))


def arrive(site: LabHandle, *logins: str) -> None:
    """Exchange a real token of each at the broker."""
    with httpx.Client(verify=site.tls, trust_env=False, timeout=60) as http:
        for login in logins:
            form = dict(a_form(site.token(login), scope=None))
            http.post(f"{site.urls.broker_url}/oauth/token", data=form)


def people(settings: Path, draft: Path) -> dict[str, Any]:
    part: dict[str, Any] = json.loads(typed(settings, "plan", "--json", "--policy-dir", str(draft)))["people"]
    return part | {"by_subject": {each["subject"]: each for each in part["people"]}}


def enters(site: LabHandle, keystone: KeystoneChecks, login: str) -> tuple[str, list[str]]:
    """A new login at Keystone's own door: its token, and the projects that it opens."""
    reply = keystone.federated_login(site.token(login))
    token = reply.headers.get("X-Subject-Token", "")
    return token, keystone.projects(token) if token else []


def test_the_predicted_loss_is_what_keystone_shows_and_for_nobody_else(
    site: LabHandle, settings: Path, draft: Path, keystone: KeystoneChecks
) -> None:
    arrive(site, "alice", "dave")
    alices, daves = enters(site, keystone, "alice"), enters(site, keystone, "dave")
    assert (alices[1], daves[1]) == (["p3"], ["p3", "training"])
    training = (draft / TRAINING).read_text(encoding="utf-8")
    (draft / TRAINING).write_text(training.replace("LoA#Substantial", "LoA#High"), encoding="utf-8")
    told = people(settings, draft)
    dave = told["by_subject"][SUBJECT["dave"]]
    assert (dave["change"], dave["seen_by"], dave["in_keystone"]) == ("loses", "claims", True)
    assert [(right["name"], right["role"]) for right in dave["lost"]] == [
        ("training", "member"),
        ("training", "reader"),
    ]
    assert dave["tokens_end"]
    assert SUBJECT["alice"] not in told["by_subject"]
    assert {tuple(rule["groups"]) for rule in told["rules"]} == {("training.egi.eu:role=vm_operator",)}

    apply_all(settings, "--policy-dir", str(draft))
    assert enters(site, keystone, "dave")[1] == ["p3"]
    assert enters(site, keystone, "alice")[1] == ["p3"]
    assert not keystone.is_valid(daves[0]), "another set of groups: their earlier token ended, as told"
    assert keystone.is_valid(alices[0])


def test_who_would_lose_everything_is_a_finding_also_where_only_apache_saw_them(
    site: LabHandle, settings: Path, draft: Path, keystone: KeystoneChecks
) -> None:
    typed(settings, "logins", "forget", SUBJECT["carol"])
    arrive(site, "alice", "dave")
    assert enters(site, keystone, "carol")[1] == ["p3"]
    (draft / ACCESS).unlink()
    told = people(settings, draft)
    for login, seen in (("alice", "claims"), ("carol", "groups")):
        person = told["by_subject"][SUBJECT[login]]
        assert (person["change"], person["seen_by"]) == ("loses-everything", seen)
    daves = enters(site, keystone, "dave")[0]
    assert not told["by_subject"][SUBJECT["dave"]]["tokens_end"], "Keystone forgets who was in a deleted group"
    coverage = told["coverage"]
    assert coverage["known"] > coverage["both"] >= 2
    shown = typed(settings, "plan", "--policy-dir", str(draft))
    assert f"- loses everything: {SUBJECT['alice']} of egi" in shown
    assert "people-lose-access" in typed(
        settings, "apply", "--yes", "--accept", "too-many-removals", "--policy-dir", str(draft), status=4
    )
    assert enters(site, keystone, "alice")[1] == ["p3"], "nothing was applied"

    apply_all(settings, "--policy-dir", str(draft))
    assert enters(site, keystone, "alice") == ("", [])
    assert enters(site, keystone, "carol")[1] == []
    assert enters(site, keystone, "dave")[1] == ["training"]
    assert keystone.is_valid(daves)


def test_keystones_users_are_found_by_the_id_that_it_makes_of_a_subject(
    site: LabHandle, settings: Path, keystone: KeystoneChecks
) -> None:
    enters(site, keystone, "alice")
    lab = site.settings
    session = make_session(wiring.keystone_account(lab), lab.keystone.ca_file, 30)
    administrator = Client(session=session, endpoint_override=lab.keystone.auth_url)
    (domain,) = (each.id for each in administrator.domains.list() if each.name == "egi")
    assert administrator.users.get(user_id(domain, SUBJECT["alice"])).name == SUBJECT["alice"]


def test_no_log_and_no_file_of_the_database_holds_more_than_it_may(site: LabHandle, settings: Path) -> None:
    arrive(site, "alice", "dave")
    person = next(each for each in PEOPLE if each["login"] == "alice")
    told = typed(settings, "logins", "export", "-")
    never = [person[name] for name in ("name", "email", "given_name")]
    assert SUBJECT["alice"] in told
    assert not any(word in told for word in never)
    files = [file.read_bytes() for file in site.state_dir.glob("p3idp.sqlite*") if file.is_file()]
    sealed = [*never, *person["entitlements"], *person["assurance"]]
    assert files
    assert [word for word in sealed for raw in files if word.encode() in raw] == []
    broker = site.layout.log("broker").read_text(errors="replace")
    assert [word for word in [*sealed, SUBJECT["alice"]] if word in broker] == []


def test_with_another_key_nothing_is_readable_and_the_plan_says_so(
    site: LabHandle, settings: Path, draft: Path, tmp_path: Path
) -> None:
    arrive(site, "alice")
    write_private(tmp_path / "key", Fernet.generate_key().decode())
    text = re.sub(r"(?m)^key = .*logins-key.*$", f'key = {{ file = "{tmp_path}/key" }}', settings.read_text())
    other = settings.with_name("other-key.toml")
    other.write_text(text, encoding="utf-8")
    (draft / ACCESS).unlink()
    coverage = people(other, draft)["coverage"]
    assert (coverage["remembers"], coverage["remembered"], coverage["both"]) == (True, 0, 0)
    assert coverage["unreadable"] >= 1
    shown = " ".join(typed(other, "plan", "--policy-dir", str(draft)).split())
    assert "remembered logins cannot be read with the key of the settings" in shown
    assert "logins-unreadable" in typed(other, "logins", "export", "-", status=1)
