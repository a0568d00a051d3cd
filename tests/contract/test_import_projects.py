"""Files for os-projects become drafts that a person finishes, and no password of theirs gets anywhere."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from policies import SITE, PolicyFiles

from p3idp.adapters.export_files import WrittenFiles
from p3idp.adapters.os_projects import MAX_BYTES, read_os_projects
from p3idp.adapters.policy_files.skeleton import FILL_IN, skeletons
from p3idp.errors.export import TargetExists
from p3idp.errors.importing import ImportUnreadable
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.import_projects import ProjectsImport, ProjectsImported

PROGRAM = Path(sys.executable).with_name("p3idp")
SECRET = "correcthorsebatterystaple"
P3 = f"""\
---
p3_venv: "{{{{ lookup('env', 'HOME') }}}}/venv"
p3_projects:
  - "{{{{ p3_project }}}}"

p3_project:
  name: p3
  description: A platform
  project_domain: default
  user_domain: default
  users: "{{{{ p3_users }}}}"
  keypairs: []
  quotas: {{ram: -1, cores: -1}}

p3_users:
  # Wendy <wendy@example.org>
  - name: wendy
    password: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      {SECRET}
    roles: "{{{{ p3_admin_roles }}}}"
  - name: anna
    password: {SECRET}
    email: anna@example.org
    roles: "{{{{ p3_user_roles }}}}"
    openrc_file: /home/anna/{SECRET}
  - name: ben
    password: &{SECRET} {SECRET}
    roles: [observer, heat_stack_owner]
  - name: guest
    domain_roles: [admin]

p3_admin_roles: [admin, heat_stack_owner]
p3_user_roles: [heat_stack_owner, observer]
"""


def imported(text: str) -> ProjectsImported:
    return ProjectsImport(read_os_projects, skeletons, WrittenFiles()).run(text.encode())


def test_a_project_becomes_a_community_and_each_set_of_roles_a_rule():
    done = imported(P3)
    assert (done.projects, done.people) == (1, 4)
    (text,) = done.files.values()
    assert yaml.safe_load(text) == {
        "title": "A platform",
        "contact": FILL_IN,
        "projects": {"p3": {"description": "A platform", "domain": "Default", "existing": True}},
        "access": [
            {"entitlement": FILL_IN, "projects": {"p3": ["admin", "heat_stack_owner"]}},
            {"entitlement": FILL_IN, "projects": {"p3": ["heat_stack_owner", "observer"]}},
        ],
    }
    assert "# held by: wendy\n" in text
    assert "# held by: anna; ben\n" in text, "in whatever order their roles stand"


def test_what_is_left_behind_is_listed_with_its_line():
    told = [(each.line, each.what, each.why) for each in imported(P3).dropped]
    assert told == [
        (10, "p3: user_domain", "user_domain"),
        (12, "p3: keypairs", "keypairs"),
        (13, "p3: quotas", "quotas"),
        (18, "p3: wendy: password", "password"),
        (23, "p3: anna: password", "password"),
        (24, "p3: anna: email", "email"),
        (26, "p3: anna: openrc_file", "openrc_file"),
        (28, "p3: ben: password", "password"),
        (30, "p3: guest", "no role"),
        (31, "p3: guest: domain_roles", "domain_roles"),
    ]


def test_the_drafts_are_no_policy_until_a_person_has_finished_them(tmp_path: Path):
    (draft,) = imported(P3).files.values()
    files = PolicyFiles(tmp_path, SITE, p3=draft)
    with pytest.raises(PolicyInvalid) as refused:
        files.load()
    assert len(refused.value.places) == 2
    for role in ("vm_operator", "member"):
        draft = draft.replace(f"entitlement: {FILL_IN}", f"entitlement: urn:mace:egi.eu:group:p3:role={role}", 1)
    files.write("communities/p3.yaml", draft)
    rules = files.load().communities[0].rules
    assert [roles for rule in rules for _, roles in rule.grants] == [
        ("admin", "heat_stack_owner"),
        ("heat_stack_owner", "observer"),
    ]


@pytest.mark.parametrize("end", ["", "  - name: x\n\tpassword: wrong\n", f"  - *{SECRET}x\n", f"x: !{SECRET} [\n"])
@pytest.mark.parametrize("words", [[], ["--json"], ["--to", "new"]], ids=["printed", "as JSON", "written"])
def test_no_password_is_printed_written_or_in_an_error(tmp_path: Path, words: list[str], end: str):
    (tmp_path / "p3.yml").write_text(P3 + end, encoding="utf-8")
    done = subprocess.run(
        [PROGRAM, "import", "projects", "p3.yml", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == (2 if end else 0), done.stderr
    (tmp_path / "p3.yml").unlink()
    written = [each.read_text(encoding="utf-8") for each in tmp_path.rglob("*") if each.is_file()]
    assert SECRET not in "".join([done.stdout, done.stderr, *written])
    assert "Traceback" not in done.stderr
    assert bool(written) is (words == ["--to", "new"] and not end)


def test_machines_get_one_object(tmp_path: Path):
    (tmp_path / "p3.yml").write_text(P3, encoding="utf-8")
    command = [PROGRAM, "import", "projects", "p3.yml", "--json"]
    told = json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout)
    assert list(told["files"]) == ["communities/p3.yaml"]
    assert told["dropped"][0] == {
        "line": 10,
        "what": "p3: user_domain",
        "why": "people are in the domain of the policy, by their identity provider",
    }


@pytest.mark.parametrize(
    "text",
    [
        "- {name: a, users: [{name: u, roles: [member]}]}\n",
        "os_projects: [{name: a, users: [{name: u, roles: [member]}]}]\n",
        "openstack_projects: '{{ all }}'\nall: ['{{ one }}', '{{ one }}']\none: {name: a, users: '{{ us }}'}\n"
        "us: [{name: u, roles: [member]}]\n",
        "a_projects: ['{{ one }}']\nb_projects: ['{{ one }}']\none: {name: a, users: [{name: u, roles: [member]}]}\n",
    ],
    ids=["a bare list", "the role's own name", "references", "one project in two lists"],
)
def test_lists_are_found_however_they_are_named(text: str):
    (draft,) = imported(text).files.values()
    assert yaml.safe_load(draft)["access"] == [{"entitlement": FILL_IN, "projects": {"a": ["member"]}}]


def test_references_that_lead_nowhere_are_said_and_loops_end():
    text = "x_projects: ['{{ one }}', '{{ gone }}', '{{ a }}']\none: {name: p, users: '{{ vault.x }}'}\n"
    done = imported(text + "a: '{{ b }}'\nb: '{{ a }}'\n")
    assert [(each.what, each.why) for each in done.dropped] == [("x_projects", "reference"), ("p: users", "reference")]
    assert "access: []" in done.files["communities/p.yaml"]


def test_names_that_make_the_same_file_name_stay_two_files():
    done = imported("- {name: 'a b'}\n- {name: 'a/b'}\n- {name: '..'}\n- {name: a, description: \"x\\n# y\"}\n")
    assert sorted(done.files) == [
        "communities/a-b-2.yaml", "communities/a-b.yaml", "communities/a.yaml", "communities/project.yaml",
    ]  # fmt: skip
    assert yaml.safe_load(done.files["communities/a.yaml"])["title"] == "x # y"


def test_a_persons_name_cannot_leave_its_comment():
    (draft,) = imported('- {name: a, users: [{name: "x\\naccess: []\\u2028\\e[2J", roles: [member]}]}').files.values()
    assert yaml.safe_load(draft)["access"][0]["entitlement"] == FILL_IN


BOMB = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi"))
REFUSED = {
    "another file": "a: b\n",
    "no project": "os_projects: []\n",
    "a text": "hello",
    "nothing": "",
    "a vault": "$ANSIBLE_VAULT;1.1;AES256\n3930",
    "not YAML": "a: [",
    "far too large": "#" * (MAX_BYTES + 1),
    "deeper than anybody writes": "[" * 5000,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_holds_no_projects_is_refused(text: str):
    with pytest.raises(ImportUnreadable):
        imported(text)


def test_aliases_of_aliases_are_not_unfolded():
    done = imported(BOMB + "os_projects: [{name: p, users: *i}]\np_projects: *i\n")
    assert (done.projects, done.people) == (1, 0)


def test_more_people_than_any_site_has_are_refused():
    users = "u: &u {name: x, roles: [m]}\nus: &us [" + ", ".join(["*u"] * 1000) + "]\n"
    with pytest.raises(ImportUnreadable, match="20,000 people"):
        imported(users + "os_projects: [" + ", ".join(f"{{name: p{n}, users: *us}}" for n in range(30)) + "]\n")


def test_nothing_is_overwritten(tmp_path: Path):
    with pytest.raises(TargetExists):
        ProjectsImport(read_os_projects, skeletons, WrittenFiles()).write(imported(P3), str(tmp_path))
