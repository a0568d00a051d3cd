"""Somebody wants to make a community administrators: alone they cannot, whatever shell and client they use; two can.

On the real Keystone, with people who really signed in. The story keeps a database of its own, so that its approvers are
nobody else's; afterwards the lab's own policy is applied again.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from keystone_checks import KeystoneChecks
from typed import typed
from ways_in import by_command_line

from p3idp.lab.handle import LabHandle
from p3idp.lab.people import lab_people

COMMUNITY = "communities/vo.access.egi.eu.yaml"
SUBJECTS = {person.login: person.subject for person in lab_people()}


class Shell:
    """Somebody's shell on the site's host: the same settings and the same user of the system as everybody's."""

    def __init__(self, settings: Path) -> None:
        self.settings = settings

    def __call__(self, *words: str, status: int = 0) -> str:
        return "".join(typed(self.settings, *words, status=status))

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json"))

    def accepting(self) -> list[str]:
        names = {finding["name"] for finding in self.json("plan")["findings"] if finding["blocking"]}
        return [word for name in sorted(names) for word in ("--accept", name)]


@pytest.fixture
def policy(site: LabHandle, tmp_path: Path) -> Path:
    policy = tmp_path / "policy"
    shutil.copytree(site.layout.policy, policy)
    named = f"approvers:\n  identity_provider: egi\n  subjects: [{SUBJECTS['bob']}, {SUBJECTS['carol']}]\n"
    (policy / "site.yaml").write_text(f"{(policy / 'site.yaml').read_text('utf-8')}\n{named}", encoding="utf-8")
    return policy


@pytest.fixture
def shell(site: LabHandle, tmp_path: Path, policy: Path) -> Iterator[Shell]:
    own = {"policy_dir": f'policy_dir = "{policy}"', "url": f'url = "sqlite:///{tmp_path}/two.sqlite"'}
    lines = site.settings_path.read_text(encoding="utf-8").splitlines()
    settings = site.settings_path.with_name("two.toml")
    settings.write_text("\n".join(own.get(line.partition(" = ")[0], line) for line in lines), encoding="utf-8")
    yield Shell(settings)
    lab = Shell(site.settings_path)
    lab("apply", "--yes", *lab.accepting())
    assert lab.json("plan")["changes"] == []


@pytest.fixture
def token(site: LabHandle, tmp_path: Path) -> Callable[..., str]:
    """A file with a token that somebody gets by signing in just now."""

    def signed_in(login: str, client: str = "p3idp-cli") -> str:
        file = tmp_path / f"{login}-{client}.tok"
        file.write_text(site.token(login, client=client), encoding="ascii")
        return str(file)

    return signed_in


def test_one_person_twice_makes_no_administrator_and_two_people_do(
    shell: Shell, policy: Path, token: Callable[..., str], site: LabHandle, keystone: KeystoneChecks
) -> None:
    def alices_roles() -> set[str]:
        return {role["name"] for role in keystone.describe(by_command_line(site, "alice"))["roles"]}

    shell("apply", "--yes", "--accept", "changes-approvers")
    text = (policy / COMMUNITY).read_text(encoding="utf-8")
    (policy / COMMUNITY).write_text(text.replace("p3: [member]", "p3: [admin, member]"), encoding="utf-8")

    assert "second-person-needed" in shell("apply", "--yes", "--accept", "admin-role", status=4)
    assert "is no approver of this site" in shell("propose", "--token-file", token("alice"), status=4)
    proposal = shell.json("propose", "--token-file", token("bob"))
    approve = ("approve", proposal["id"], "--digest", proposal["digest"], "--token-file")
    assert "another person has to approve" in shell(*approve, token("bob"), status=4)
    assert "another person has to approve" in shell(*approve, token("bob", client="p3idp"), status=4)
    assert "Nobody approved" in shell("apply", "--proposal", proposal["id"], status=4)
    assert "admin" not in alices_roles()

    assert "! admin-role:" in shell("approve", proposal["id"])
    shell(*approve, token("carol"))
    shell("apply", "--proposal", proposal["id"], "--token-file", token("carol"))
    assert "admin" in alices_roles()

    records = [json.loads(line) for line in shell("audit", "list", "--json").splitlines()]
    told = [(each["action"], each["outcome"], each["initiator"]["id"].split("@")[0]) for each in records]
    bob, carol = (SUBJECTS[login].split("@")[0] for login in ("bob", "carol"))
    assert told[:4] == [
        ("update/access", "success", carol),
        ("update/access", "pending", carol),
        ("approve/proposal", "success", carol),
        ("approve/proposal", "failure", bob),
    ]
    assert "unchanged" in shell("audit", "verify")

    (policy / COMMUNITY).write_text(text, encoding="utf-8")
    names = {finding["name"] for finding in shell.json("plan")["findings"] if finding["second_person"]}
    assert names == {"last-admin"}, "and away again by two as well: nobody shuts the last door alone"
