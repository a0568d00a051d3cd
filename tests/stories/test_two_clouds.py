"""Two clouds, one policy: tried at Alt-1, promoted to production, from one git checkout.

Two real Keystones. They share no id; people come by a demonstration provider at the one, and by Check-in at the other.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from keystoneclient.v3.client import Client
from policy_repository import Checkout
from typed import typed

from p3idp import wiring
from p3idp.adapters.keystone.session import make_session
from p3idp.core.login.tokens import RawToken
from p3idp.core.secret import Secret
from p3idp.lab import running
from p3idp.lab.handle import LabHandle
from p3idp.settings import Settings, load_settings

ALT, PRODUCTION = "alt-1", "production"
PILOT = """\
title: Pilot
contact: pilot@example.org
projects:
  pilot: {description: First steps}
access:
  - entitlement: urn:mace:egi.eu:group:vo.access.egi.eu:role=member#aai.egi.eu
    projects: {pilot: [member]}
"""


@dataclass
class Clouds:
    """Both clouds, the checkout of their policy, and who applies it."""

    lab: LabHandle
    settings: Path
    checkout: Checkout

    def __call__(self, *words: str, status: int = 0) -> str:
        """Type a command that must end with this status; what it said."""
        return "".join(typed(self.settings, *words, status=status))

    def json(self, *words: str, status: int = 0) -> Any:
        return json.loads(self(*words, "--json", status=status))

    def at(self, name: str) -> Settings:
        return load_settings(str(self.settings), name)

    def administrator(self, name: str) -> Client:
        settings = self.at(name)
        session = make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30)
        return Client(session=session, endpoint_override=settings.keystone.auth_url)

    def ids(self, name: str) -> dict[str, str]:
        """The id of everything that the policy speaks of, by its name."""
        admin = self.administrator(name)
        domain = next(each for each in admin.domains.list() if each.name == "egi")
        groups, projects = admin.groups.list(domain=domain), admin.projects.list(domain=domain)
        roles = [each for each in admin.roles.list() if each.name in ("member", "reader")]
        return {f"{type(each).__name__} {each.name}": each.id for each in (domain, *groups, *projects, *roles)}

    def projects_of(self, name: str, user: str, provider: str) -> list[str]:
        """What somebody can use who signs in there."""
        settings = self.at(name)
        login = wiring.wire_federated_login(settings)
        token = RawToken(Secret(self.lab.token(user, provider=provider)))
        unscoped = login.login(wiring.wire_policy(settings).site.provider("egi"), token)
        return sorted(project.ref.name for project in login.projects(unscoped))


@pytest.fixture(scope="module")
def clouds(site: LabHandle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    running.up(site.layout, lambda line: None, extras=(ALT,))
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    shutil.copytree(site.layout.policy, checkout.directory, dirs_exist_ok=True)
    access = checkout.directory / "communities" / "vo.access.egi.eu.yaml"  # whose examples know of no pilot
    access.write_text(access.read_text(encoding="utf-8").partition("examples:")[0], encoding="utf-8")
    checkout.save()
    text = site.layout.clouds.read_text(encoding="utf-8")
    lines = [
        f'policy_dir = "{checkout.directory}"' if line.startswith("policy_dir") else line for line in text.splitlines()
    ]
    settings = site.layout.clouds.with_name("story-clouds.toml")
    settings.write_text("\n".join(lines), encoding="utf-8")
    made = Clouds(site, settings, checkout)
    yield made
    # Others use the production Keystone and its policy after us.
    made.settings = site.settings_path
    names = {finding["name"] for finding in made.json("plan")["findings"] if finding["blocking"]}
    made("apply", "--yes", *(word for name in sorted(names) for word in ("--accept", name)))


def test_what_was_tried_at_the_one_is_promoted_to_the_other(clouds: Clouds) -> None:
    (clouds.checkout.directory / "communities" / "pilot.example.org.yaml").write_text(PILOT, encoding="utf-8")
    commit = clouds.checkout.save()
    assert "there are several: alt-1, production" in clouds("plan", status=2)
    clouds("apply", "--yes", "--environment", ALT)
    assert clouds.projects_of(ALT, "alice", "hub") == ["p3", "pilot"]

    shown = clouds.json("promote", ALT, PRODUCTION, "--detailed-exitcode", status=6)
    assert shown["stands_as_applied"]
    assert (shown["applied"]["commit"], shown["checked_out"]) == ({"id": commit, "changed": []}, True)
    assert shown["unintended"] == []
    intended = [(change["action"], change["kind"], change["name"]) for change in shown["intended"]]
    assert intended == [
        ("create", "group", "training.egi.eu:role=vm_operator@egi"),
        ("update", "identity_provider", "egi"),
        ("update", "mapping", "p3idp-egi"),
        ("create", "project", "training@egi"),
        ("create", "role_assignment", "training.egi.eu:role=vm_operator@egi has member on project training@egi"),
    ]
    assert "pilot" not in clouds.projects_of(PRODUCTION, "alice", "egi")
    clouds("apply", "--environment", PRODUCTION, "--digest", shown["plan"]["digest"])
    assert clouds.projects_of(PRODUCTION, "alice", "egi") == ["p3", "pilot"]
    assert "Nothing to change" in clouds("promote", ALT, PRODUCTION, "--detailed-exitcode")


def test_no_id_crosses_from_one_cloud_to_the_other(clouds: Clouds) -> None:
    alt, production = clouds.ids(ALT), clouds.ids(PRODUCTION)
    assert {"Domain egi", "Project p3", "Project pilot", "Role member"} <= alt.keys() & production.keys()
    assert not set(alt.values()) & set(production.values())
    past = wiring.wire_past(clouds.at(PRODUCTION))
    said = [json.dumps(dict(entry.begun.files)) for entry in past.latest(5)]
    said += [clouds(*words) for words in (("history", "show", "1", "--json"), ("promote", ALT, PRODUCTION, "--json"))]
    assert not [each for each in (*alt.values(), *production.values()) for text in said if each in text]


def test_both_histories_tell_the_commit_and_each_its_own_cloud(clouds: Clouds) -> None:
    head = clouds.checkout.repo.head().decode()
    for name in (ALT, PRODUCTION):
        newest = clouds.json("history", "--environment", name)[0]
        assert (newest["environment"], newest["commit"]) == (name, {"id": head, "changed": []})
        assert newest["target"] == clouds.at(name).keystone.auth_url
        assert f"Commit {head}" in clouds("history", "show", str(newest["number"]), "--environment", name)
        assert f"@{head[:12]}  {name}" in clouds("history", "--environment", name)
    assert {entry["target"] for entry in clouds.json("history")} == {
        clouds.at(name).keystone.auth_url for name in (ALT, PRODUCTION)
    }


def test_what_somebody_changed_by_hand_at_the_first_is_named_and_not_promoted(clouds: Clouds) -> None:
    admin = clouds.administrator(ALT)
    ids = clouds.ids(ALT)
    place = {"group": ids["Group vo.access.egi.eu:role=vm_operator"], "project": ids["Project pilot"]}
    admin.roles.grant(ids["Role member"], **place)
    try:
        told = clouds("promote", ALT, PRODUCTION, status=4)
        grant = "vo.access.egi.eu:role=vm_operator@egi has member on project pilot@egi"
        assert f"- {grant}  (role assignment)" in told
        assert "alt-1 does not stand as apply" in told
        shown = clouds.json("promote", ALT, PRODUCTION, status=4)
        assert [(change["action"], change["name"]) for change in shown["unintended"]] == [("delete", grant)]
        assert not shown["stands_as_applied"]
    finally:
        admin.roles.revoke(ids["Role member"], **place)
    assert clouds.json("promote", ALT, PRODUCTION)["unintended"] == []


def test_a_stale_checkout_is_refused_at_both_and_what_is_not_committed_is_a_finding(clouds: Clouds) -> None:
    head = clouds.checkout.repo.head().decode()
    parent = clouds.checkout.repo[clouds.checkout.repo.head()].parents[0].decode()
    pilot = clouds.checkout.directory / "communities" / "pilot.example.org.yaml"
    pilot.unlink()
    assert "uncommitted-policy" in clouds("apply", "--yes", "--environment", PRODUCTION, status=4)
    clouds.checkout.back_to(parent)
    for name in (ALT, PRODUCTION):
        refused = clouds("apply", "--yes", "--accept", "too-many-removals", "--environment", name, status=4)
        assert "stale-checkout" in refused
        assert "git pull" in refused
    clouds.checkout.back_to(head)
    pilot.write_text(PILOT, encoding="utf-8")
    assert clouds.projects_of(PRODUCTION, "alice", "egi") == ["p3", "pilot"]
    assert "Nothing to change" in clouds("plan", "--environment", ALT)
