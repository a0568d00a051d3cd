"""Somebody edits Keystone directly, somebody takes a community away by mistake: seen, refused, and undone.

On the real Keystone, with keystoneclient as any administrator uses it, and with a real person who loses her access
and has it back.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from keystone_checks import KeystoneChecks
from keystoneclient.v3.client import Client
from typed import typed

from p3idp import wiring
from p3idp.adapters.keystone.session import make_session
from p3idp.lab.handle import LabHandle

COMMUNITY = "communities/vo.access.egi.eu.yaml"
EXTRA = {
    "local": [{"user": {"id": "{0}", "name": "{0}", "domain": {"name": "egi"}}, "group": {"id": "abc"}}],
    "remote": [{"type": "OIDC-voperson_id"}, {"type": "OIDC-iss", "any_one_of": []}],
}


@dataclass
class Operator:
    """Somebody at the lab's own site, with a copy of its policy to change."""

    settings: Path
    policy: Path

    def __call__(self, *words: str, status: int = 0) -> str:
        """Type a command that must end with this status; what it said."""
        return "".join(typed(self.settings, *words, status=status))

    def json(self, *words: str, status: int = 0) -> Any:
        return json.loads(self(*words, "--json", status=status))

    def accepting(self, *plan: str, but: str = "") -> list[str]:
        """Every danger of a plan by its name, as somebody does who has read it; perhaps not one of them."""
        names = {finding["name"] for finding in self.json(*plan)["findings"] if finding["blocking"]} - {but}
        return [word for name in sorted(names) for word in ("--accept", name)]


@pytest.fixture
def operator(site: LabHandle, tmp_path: Path) -> Iterator[Operator]:
    policy = tmp_path / "policy"
    shutil.copytree(site.layout.policy, policy)
    text = site.settings_path.read_text(encoding="utf-8")
    lines = [f'policy_dir = "{policy}"' if line.startswith("policy_dir") else line for line in text.splitlines()]
    settings = site.settings_path.with_name("story.toml")
    settings.write_text("\n".join(lines), encoding="utf-8")
    yield Operator(settings, policy)
    # Others use this lab's policy after us.
    lab = Operator(site.settings_path, site.layout.policy)
    lab("apply", "--yes", *lab.accepting("plan"))


@pytest.fixture
def administrator(site: LabHandle) -> Client:
    """Somebody with the openstack command."""
    settings = site.settings
    session = make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30)
    return Client(session=session, endpoint_override=settings.keystone.auth_url)


def rules(administrator: Client) -> list[Any]:
    return list(administrator.federation.mappings.get("p3idp-egi").rules)


def test_a_mapping_that_was_edited_directly_is_shown_by_rule_and_not_overwritten(
    operator: Operator, administrator: Client
) -> None:
    assert "Nothing differs" in operator("drift", "--detailed-exitcode")
    edited = [*rules(administrator)[1:], EXTRA]
    administrator.federation.mappings.update("p3idp-egi", rules=edited, schema_version="2.0")

    (difference,) = operator.json("drift", "--detailed-exitcode", status=6)["differences"]
    assert (difference["kind"], difference["attribute"], difference["cause"]) == ("mapping", "rules", "keystone")
    assert [(rule["what"], rule["cause"]) for rule in difference["rules"]] == [
        ("added", "keystone"),
        ("gone", "keystone"),
    ]
    assert difference["rules"][0]["keystone"] == EXTRA
    assert difference["last_written"]["record"]

    refused = operator("apply", "--yes", status=4)
    assert "changed-in-keystone: The mapping p3idp-egi was changed directly in Keystone since apply" in refused
    assert "1 rule added, 1 rule gone" in refused
    assert rules(administrator) == edited, "nothing was overwritten"
    operator("apply", "--yes", *operator.accepting("plan", but="changed-in-keystone"), status=4)
    operator("apply", "--yes", *operator.accepting("plan"))
    assert "Nothing differs" in operator("drift", "--detailed-exitcode")


def test_a_schema_version_that_fell_back_is_named_as_the_trap_it_is_and_rolled_back(
    operator: Operator, administrator: Client
) -> None:
    number = operator.json("history")[0]["number"]
    mappings = administrator.federation.mappings
    mappings.update("p3idp-egi", rules=rules(administrator))
    # The keystone.conf that `p3idp site config` writes names the version that a rule set without one gets.
    assert "Nothing differs" in operator("drift", "--detailed-exitcode")
    # Where it does not, Keystone's own default is what the same call leaves.
    mappings.update("p3idp-egi", rules=rules(administrator), schema_version="1.0")
    told = operator("drift", "--detailed-exitcode", status=6)
    assert "schema_version is 1.0 in Keystone, 2.0 in the policy" in told
    assert "schema-version-reset" in told
    assert "changed-in-keystone" in operator("rollback", str(number))
    operator("rollback", str(number), "--yes", *operator.accepting("rollback", str(number)))
    assert "Nothing differs" in operator("drift", "--detailed-exitcode")
    assert mappings.get("p3idp-egi").schema_version == "2.0"


def test_a_rollback_gives_a_person_back_what_a_mistake_took(
    operator: Operator, site: LabHandle, keystone: KeystoneChecks
) -> None:
    def alice() -> list[str]:
        reply = keystone.federated_login(site.token("alice"))
        return keystone.projects(reply.headers["X-Subject-Token"]) if reply.status_code == 201 else []

    assert "p3" in alice()
    good = operator.json("history")[0]["number"]
    text = (operator.policy / COMMUNITY).read_text(encoding="utf-8")
    (operator.policy / COMMUNITY).unlink()
    operator("apply", "--yes", *operator.accepting("plan"))
    assert "p3" not in alice()
    shown = operator("history", "diff", str(good), str(good + 1))
    assert "- vo.access.egi.eu:role=vm_operator@egi  (group)" in shown
    assert f"--- {COMMUNITY}" in shown

    plan = operator.json("rollback", str(good))
    assert {change["action"] for change in plan["changes"]} == {"create", "update"}
    assert "p3" not in alice(), "it was only a plan"
    operator("rollback", str(good), "--digest", plan["digest"], *operator.accepting("rollback", str(good)))
    assert "p3" in alice()

    assert "! rollback-in-force: A rollback is in force" in operator("plan")
    others = operator.accepting("plan", but="rollback-in-force")
    assert "rollback-in-force" in operator("apply", "--yes", *others, status=4)
    assert "p3" in alice()
    restored = operator.policy.with_name("restored")
    operator("history", "restore-policy", str(good), str(restored))
    assert (restored / COMMUNITY).read_text(encoding="utf-8") == text
    assert "Nothing to change" in operator("plan", "--policy-dir", str(restored), "--detailed-exitcode")
    assert "unchanged" in operator("audit", "verify")
