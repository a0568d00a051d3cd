"""What leaves p3idp says what the policy wants, and no name in it becomes a command, an option, or Jinja."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from openstackclient.identity.v3 import domain, federation_protocol, group, identity_provider, mapping, project
from openstackclient.identity.v3 import role as roles
from policies import ACCESS, NOW, SITE, PolicyFiles

from p3idp.adapters.export_files import WrittenFiles
from p3idp.core.access.desired import Desired
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.export import ansible, kolla
from p3idp.core.export.openstack import openstack_files
from p3idp.core.export.origin import Origin
from p3idp.core.policy.model import Policy
from p3idp.errors.export import ExportImpossible, TargetExists
from p3idp.ops.export import FORMATS, Export

EXPORT = Export(WrittenFiles())
ORIGIN = Origin("site", "d1e5", NOW, ())
NAMES = {
    "plain": "vo.access.egi.eu:role=vm_operator",
    "quotes": """it's "quoted" `touch pwned`""",
    "shell": "$(touch pwned); rm -rf $HOME & \\",
    "an option": "--or-show",
    "a dash": "-",
    "jinja": "{{ 1 + 1 }}{% raw %}{# c #}",
    "a newline": "one\ntouch pwned\n",
    "a line's end of old": "one\x85two",
    "letters": "日本 ünïcödé \u2028 \U0001f600",
    "yaml": "- &a !tag 'x': *a # no",
}


def desired(name: str) -> Desired:
    """A whole site in which everything that may have a name has this one."""
    rules = [{"local": [{"group": {"name": name, "domain": {"name": name}}}], "remote": [{"type": "OIDC-sub"}]}]
    provider = {"authorization_ttl": 480, "domain": name, "enabled": True, "issuers": ["https://a.test", "https://b"]}
    protocol = {"mapping": "p3idp-egi", "remote_id_attribute": "OIDC-iss"}
    resources = (
        Resource(Kind.DOMAIN, (name,)),
        Resource(Kind.PROJECT, (name, name), {"egi.VO": name, "accounting:VO": name}),
        Resource(Kind.GROUP, (name, name)),
        Resource(Kind.ROLE_ASSIGNMENT, (name, name, name, "project", name, name)),
        Resource(Kind.IDENTITY_PROVIDER, ("egi",), provider),
        Resource(Kind.MAPPING, ("p3idp-egi",), {"rules": rules, "schema_version": "2.0"}),
        Resource(Kind.PROTOCOL, ("egi", "openid"), protocol),
    )
    return Desired("site", resources, ())


# ---- the script

RECORDER = """\
#!/bin/sh
for word; do printf '%s\\0' "$word"; done >> "$RECORD"
printf '\\0' >> "$RECORD"
case "$*" in *"token issue"*) echo TOKEN;; *"configuration show"*) echo https://keystone.test/v3;; esac
case "$*" in *" show "*) exit "$SHOWN";; esac
"""
CURL = '#!/bin/sh\ncat > "$RECORD.token"\nfor word; do printf "%s\\0" "$word"; done > "$RECORD.curl"\n'


def run(files: Mapping[str, str], place: Path, *, there: bool) -> list[list[str]]:
    """What the script asks of `openstack`, word by word, where everything is there or nothing is."""
    WrittenFiles().write(str(place / "out"), files, {"access.sh"})
    for name, text in (("openstack", RECORDER), ("curl", CURL)):
        (place / name).write_text(text, encoding="utf-8")
        (place / name).chmod(0o755)
    environment = {"PATH": f"{place}:/usr/bin:/bin", "RECORD": str(place / "record"), "SHOWN": "0" if there else "1"}
    subprocess.run([place / "out/access.sh"], env=environment, cwd=place, check=True, capture_output=True)
    asked = (place / "record").read_text(encoding="utf-8").split("\0\0")
    return [words.split("\0") for words in asked if words]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_shell_hands_every_name_on_as_it_is(tmp_path: Path, name: str):
    asked = run(openstack_files(desired(name), ORIGIN), tmp_path, there=False)
    made = [words for words in asked if "show" not in words]
    assert made == [
        ["domain", "create", "--or-show", "--description=p3idp:site", "--", name],
        ["identity", "provider", "create", "--enable", "--authorization-ttl=480", "--remote-id=https://a.test",
         "--remote-id=https://b", f"--domain={name}", "--description=p3idp:site", "--", "egi"],
        ["project", "create", "--or-show", f"--domain={name}", "--tag=p3idp:site", "--", name],
        ["project", "set", f"--domain={name}", f"--property=accounting:VO={name}", f"--property=egi.VO={name}",
         "--", name],
        ["group", "create", f"--domain={name}", "--description=p3idp:site", "--", name],
        ["role", "add", f"--group={name}", f"--group-domain={name}", f"--project={name}", f"--project-domain={name}",
         "--", name],
        ["mapping", "create", "--rules=mappings/p3idp-egi.json", "--schema-version=2.0", "--", "p3idp-egi"],
        ["federation", "protocol", "create", "--identity-provider=egi", "--mapping=p3idp-egi", "--", "openid"],
        ["token", "issue", "-f", "value", "-c", "id"],
    ]  # fmt: skip
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("there", [True, False])
def test_a_suspended_provider_is_made_disabled(tmp_path: Path, there: bool):
    plain = desired("egi")
    shut = [
        replace(r, attributes={**r.attributes, "enabled": False}) if r.key == ("egi",) else r for r in plain.resources
    ]
    site = replace(plain, resources=tuple(shut))
    asked = run(openstack_files(site, ORIGIN), tmp_path, there=there)
    (words,) = [words for words in asked if words[:2] == ["identity", "provider"] and "show" not in words]
    assert "--disable" in words
    assert "--enable" not in words
    (play,) = ansible.playbook(site)
    (providers,) = [task["loop"] for task in play["tasks"] if task["name"] == "Identity providers"]
    assert providers[0]["enabled"] is False


NAMED = (
    "people:\n  - {subject: pia@egi.eu, identity_provider: egi, projects: {p3: [member]}, valid: {until: 2027-01-01}}\n"
)


@pytest.mark.parametrize("form", FORMATS)
def test_who_is_named_is_told_to_whoever_reads_the_export(tmp_path: Path, form: str):
    policy = PolicyFiles(tmp_path, SITE, **{"vo.access.egi.eu": ACCESS + NAMED}).load()
    (person,) = policy.communities[0].people
    texts = "\n".join(Export(WrittenFiles()).run(policy, form, NOW).files.values())
    assert f"# - {person.group}: pia@egi.eu of egi" in texts
    assert "2027-01-01T00:00:00Z: the access by the subject pia@egi.eu of egi ends" in texts
    assert person.group in texts.split("pia@egi.eu of egi")[-1], "the group and what it gives are made"


CLASSES: Mapping[str, Any] = {
    "domain create": domain.CreateDomain,
    "identity provider create": identity_provider.CreateIdentityProvider,
    "identity provider set": identity_provider.SetIdentityProvider,
    "identity provider show": identity_provider.ShowIdentityProvider,
    "project create": project.CreateProject,
    "project set": project.SetProject,
    "group create": group.CreateGroup,
    "group show": group.ShowGroup,
    "role add": roles.AddRole,
    "mapping create": mapping.CreateMapping,
    "mapping set": mapping.SetMapping,
    "mapping show": mapping.ShowMapping,
    "federation protocol create": federation_protocol.CreateProtocol,
    "federation protocol show": federation_protocol.ShowProtocol,
}
OTHERS = ("token issue", "configuration show")


@pytest.mark.parametrize("there", [False, True], ids=["where nothing is", "where everything is"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_the_real_client_takes_every_command(tmp_path: Path, name: str, there: bool):
    seen = set()
    for words in run(openstack_files(desired(name), ORIGIN), tmp_path, there=there):
        command = next(c for c in (*CLASSES, *OTHERS) if " ".join(words).startswith(c))
        if command in CLASSES:
            parsed = CLASSES[command](None, None).get_parser("openstack").parse_args(words[len(command.split()) :])
            assert name in vars(parsed).values() or "egi" in " ".join(map(str, vars(parsed).values()))
        seen.add(command)
    assert ("mapping set" in seen) is there
    assert ("group create" in seen) is not there


def test_the_protocol_is_told_its_attribute_and_the_token_is_in_no_list_of_processes(tmp_path: Path):
    run(openstack_files(desired("n"), ORIGIN), tmp_path, there=True)
    sent = (tmp_path / "record.curl").read_text(encoding="utf-8").split("\0")
    body = json.loads(sent[sent.index("--data") + 1])
    assert body == {"protocol": {"mapping_id": "p3idp-egi", "remote_id_attribute": "OIDC-iss"}}
    assert "https://keystone.test/v3/OS-FEDERATION/identity_providers/egi/protocols/openid" in sent
    assert (tmp_path / "record.token").read_text(encoding="utf-8") == "X-Auth-Token: TOKEN\n"
    assert "TOKEN" not in sent


def test_the_script_ends_where_a_command_fails(tmp_path: Path):
    files = openstack_files(desired("n"), ORIGIN)
    WrittenFiles().write(str(tmp_path / "out"), files, {"access.sh"})
    (tmp_path / "openstack").write_text("#!/bin/sh\necho $* >> $RECORD; exit 1\n", encoding="utf-8")
    (tmp_path / "openstack").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RECORD": str(tmp_path / "record")}
    done = subprocess.run([tmp_path / "out/access.sh"], env=environment, capture_output=True)
    assert done.returncode == 1
    assert (tmp_path / "record").read_text(encoding="utf-8").startswith("domain create")
    assert len((tmp_path / "record").read_text(encoding="utf-8").splitlines()) == 1


# ---- Ansible, and kolla-ansible

# The modules of openstack.cloud 2.5 (argument_spec), and what of them a playbook of ours may use.
ARGUMENTS: Mapping[str, set[str]] = {
    "identity_domain": {"description", "is_enabled", "name", "state"},
    "federation_idp": {"authorization_ttl", "description", "domain_id", "id", "is_enabled", "remote_ids", "state"},
    "project": {"description", "domain", "extra_specs", "is_enabled", "name", "state"},
    "identity_group": {"description", "domain_id", "name", "state"},
    "role_assignment": {
        "domain", "group", "group_domain", "project", "project_domain", "role", "role_domain", "state", "system",
        "user", "user_domain",
    },
    "federation_mapping": {"name", "rules", "schema_version", "state"},
    "keystone_federation_protocol": {"idp", "mapping", "name", "state"},
}  # fmt: skip
KEYWORDS = {"name", "loop", "register"}


class Unsafe(str):
    """A text that Ansible does not evaluate."""


class AnsibleLoader(yaml.SafeLoader):
    """YAML as Ansible reads it."""


AnsibleLoader.add_constructor("!unsafe", lambda loader, node: Unsafe(node.value))


def read(text: str) -> Any:
    return yaml.load(text, AnsibleLoader)


def evaluated(value: Any, **known: Any) -> Any:
    """A value as Ansible hands it to a module: texts are templates, but for those marked as data."""
    if isinstance(value, Unsafe) or not isinstance(value, str):
        return value
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    expression = value.removeprefix("{{ ").removesuffix(" }}")
    if value == f"{{{{ {expression} }}}}" and "lookup" not in value:
        return environment.compile_expression(expression)(**known)
    return value if "lookup" in value else environment.from_string(value).render(**known)


def tasks(name: str) -> Sequence[Mapping[str, Any]]:
    files = WrittenFiles()
    text = files.yaml(("head",), ansible.playbook(desired(name)))
    (play,) = read(text)
    found: Sequence[Mapping[str, Any]] = play["tasks"]
    return found


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_ansible_hands_every_name_on_as_it_is(name: str):
    asked = []
    for task in tasks(name):
        (module,) = set(task) - KEYWORDS
        for each in task.get("loop", [None]):
            item = {key: evaluated(value) for key, value in each.items()} if isinstance(each, dict) else evaluated(each)
            known = {"item": item, "p3idp_domain": {"domain": {"id": "d1"}}}
            given = {key: evaluated(value, **known) for key, value in task[module].items()}
            asked.append((module.removeprefix("openstack.cloud."), given))
    rules = "{{ lookup('ansible.builtin.file', playbook_dir ~ '/mappings/' ~ item ~ '.json') | from_json }}"
    issuers = ["https://a.test", "https://b"]
    assert asked == [
        ("identity_domain", {"name": name}),
        ("federation_idp", {"id": "egi", "remote_ids": issuers, "authorization_ttl": 480, "domain_id": "d1",
                            "description": "p3idp:site", "is_enabled": True}),
        ("project", {"name": name, "domain": name}),
        ("project", {"name": name, "domain": name, "extra_specs": {"accounting:VO": name, "egi.VO": name}}),
        ("identity_group", {"name": name, "domain_id": "d1", "description": "p3idp:site"}),
        ("role_assignment", {"group": name, "group_domain": name, "project": name, "project_domain": name,
                             "role": name}),
        ("federation_mapping", {"name": "p3idp-egi", "schema_version": "2.0", "rules": rules}),
        ("keystone_federation_protocol", {"idp": "egi", "name": "openid", "mapping": "p3idp-egi"}),
    ]  # fmt: skip
    assert all(set(given) <= ARGUMENTS[module] for module, given in asked)


def jinja_in(value: Any) -> list[str]:
    """Texts within that Ansible would evaluate."""
    if isinstance(value, dict):
        return [text for member in value.values() for text in jinja_in(member)]
    if isinstance(value, list):
        return [text for member in value for text in jinja_in(member)]
    return [value] if type(value) is str and any(opener in value for opener in ("{{", "{%", "{#")) else []


def test_nothing_of_a_name_is_left_to_evaluate():
    own = {text for task in tasks("plain") for text in jinja_in(dict(task))}
    assert {text for task in tasks(NAMES["jinja"]) for text in jinja_in(dict(task))} == own


def policy(tmp_path: Path, site: str = SITE, access: str = ACCESS) -> Policy:
    return PolicyFiles(tmp_path / "policy", site, **{"vo.access.egi.eu": access}).load()


def test_kolla_gets_the_names_that_it_knows(tmp_path: Path):
    files = EXPORT.run(policy(tmp_path), "kolla-ansible", NOW).files
    assert set(files) == {kolla.VARIABLES, "access.yml", "config/keystone/federation/p3idp-egi.json"}
    assert read(files[kolla.VARIABLES]) == {
        "keystone_identity_providers": [
            {
                "name": "egi",
                "openstack_domain": "egi",
                "protocol": "openid",
                "identifier": "https://idp.test/auth/realms/egi",
                "public_name": "Check-in",
                "attribute_mapping": "p3idp-egi",
                "metadata_folder": "{{ node_custom_config }}/keystone/federation/metadata",
            }
        ],
        "keystone_identity_mappings": [
            {
                "name": "p3idp-egi",
                "file": "{{ node_custom_config }}/keystone/federation/p3idp-egi.json",
                "schema_version": "2.0",
            }
        ],
    }
    (play,) = read(files["access.yml"])
    assert "/config/keystone/federation/" in json.dumps(play)


@pytest.mark.parametrize(
    ("old", "new"),
    [("title: Check-in", "title: '{{ 1 }}'"), ("domain: egi", "domain: 'a {# b'"), ("group: g", "group: 'x{%y'")],
    ids=["a title", "a domain", "a group"],
)
def test_kolla_is_not_told_what_it_would_evaluate(tmp_path: Path, old: str, new: str):
    access = ACCESS.replace("    projects: {p3", "    group: g\n    projects: {p3").replace(old, new)
    strange = policy(tmp_path, SITE.replace(old, new), access)
    with pytest.raises(ExportImpossible, match="would evaluate"):
        EXPORT.run(strange, "kolla-ansible", NOW)
    assert EXPORT.run(strange, "ansible", NOW).files


# ---- all formats


@pytest.mark.parametrize("form", FORMATS)
def test_each_mapping_is_a_file_with_the_bare_rules_that_the_policy_compiles_to(tmp_path: Path, form: str):
    files = EXPORT.run(policy(tmp_path), form, NOW).files
    (name,) = [each for each in files if each.endswith("p3idp-egi.json")]
    rules = json.loads(files[name])
    assert [rule["local"][0]["group"]["name"] for rule in rules] == ["vo.access.egi.eu:role=vm_operator"] * 2
    assert files[name].isascii(), "whatever the locale of whoever runs the client"


@pytest.mark.parametrize("form", FORMATS)
def test_every_file_that_can_says_where_it_is_from_and_what_it_will_not_do(tmp_path: Path, form: str):
    ending = ACCESS.replace("contact:", "valid: {until: 2027-01-01}\ncontact:")
    found = policy(tmp_path, access=ending)
    exported = EXPORT.run(found, form, NOW)
    for name, text in exported.files.items():
        if not name.endswith(".json"):
            assert f"# {found.digest}." in text
            assert "2026-11-22T09:00:00Z" in text
            assert "# - 2027-01-01T00:00:00Z: the community vo.access.egi.eu ends\n" in text
    assert EXPORT.run(found, form, NOW).files == exported.files
    after = EXPORT.run(found, form, NOW + timedelta(days=60))
    assert after.origin.later == ()
    assert "vm_operator" not in json.dumps(dict(after.files)), "what is over is not in it"


def test_a_policy_whose_example_fails_is_not_exported(tmp_path: Path):
    wrong = ACCESS + "examples:\n  - {title: Anyone, claims: {}, access: {p3: [member]}}\n"
    with pytest.raises(ExportImpossible, match="Anyone"):
        EXPORT.run(policy(tmp_path, access=wrong), "openstack", NOW)


def test_projects_that_the_site_has_anyway_are_not_made(tmp_path: Path):
    there = ACCESS.replace("{description: Machines}", "{existing: true}")
    script = EXPORT.run(policy(tmp_path, access=there), "openstack", NOW).files["access.sh"]
    assert "project create" not in script
    assert "--project=p3" in script


# ---- the directory


@pytest.mark.parametrize("kind", ["file", "empty directory", "dangling link"])
def test_nothing_is_overwritten(tmp_path: Path, kind: str):
    target = tmp_path / "there"
    {"file": target.touch, "empty directory": target.mkdir}.get(kind, lambda: target.symlink_to("nowhere"))()
    with pytest.raises(TargetExists):
        WrittenFiles().write(str(target), {"a": "b"})
    assert [each.name for each in tmp_path.iterdir()] == ["there"]


def test_a_directory_appears_whole_or_not_at_all(tmp_path: Path):
    with pytest.raises(OSError, match="a"):
        WrittenFiles().write(str(tmp_path / "new"), {"a": "", "a/b": ""})
    assert list(tmp_path.iterdir()) == []


def test_somebody_who_was_faster_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target, rename = tmp_path / "new", os.rename

    def late(old: Path, new: Path) -> None:
        target.mkdir()
        (target / "theirs").touch()
        rename(old, new)

    monkeypatch.setattr(os, "rename", late)
    with pytest.raises(TargetExists):
        WrittenFiles().write(str(target), {"a": "b"})
    assert [each.name for each in target.iterdir()] == ["theirs"]
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_the_script_may_be_run_and_the_rest_only_read(tmp_path: Path):
    exported = EXPORT.run(policy(tmp_path), "openstack", NOW)
    EXPORT.write(exported, str(tmp_path / "deep/out"))
    modes = {each.name: each.stat().st_mode & 0o777 for each in (tmp_path / "deep/out").rglob("*") if each.is_file()}
    assert modes == {"access.sh": 0o755, "p3idp-egi.json": 0o644}
    assert (tmp_path / "deep/out").stat().st_mode & 0o777 == 0o755


def test_the_script_is_one_that_sh_reads():
    for name in NAMES.values():
        done = subprocess.run(["/bin/sh", "-n"], input=openstack_files(desired(name), ORIGIN)["access.sh"].encode())
        assert done.returncode == 0
