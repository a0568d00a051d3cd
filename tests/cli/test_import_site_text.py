"""What an operator reads after `p3idp import site`."""

from pathlib import Path

import click
from policies import NOW, PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.policy_files.new_directory import NewDirectory
from p3idp.cli.import_site import site_lines
from p3idp.core.access.desired import desired_state
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.ops.import_mapping import MappingImport
from p3idp.ops.import_site import Asked, SiteImport


def told(keystone: MemoryKeystone, target: Path | None = None) -> list[str]:
    importer = SiteImport(MappingImport(NewDirectory(), NO_SEARCH), keystone, dict)
    return [click.unstyle(line) for line in site_lines(importer.run(Asked(), NOW), target)]


def made(tmp_path: Path) -> MemoryKeystone:
    keystone = MemoryKeystone()
    for resource in desired_state(PolicyFiles(tmp_path).load(), NOW).resources:
        keystone.put(resource)
    return keystone


def test_an_empty_plan_is_said_in_one_line(tmp_path: Path):
    lines = told(made(tmp_path), Path("new"))
    assert lines[0] == "egi: 4 rules said as policy, 0 kept as they are. Rules are counted from 0."
    assert lines[-2] == "A plan from these files is empty: Keystone holds what they say."
    assert lines[-1] == "Written: 3 files in new. Next: fill in, then `p3idp plan`."


def test_what_a_plan_would_do_is_said_in_three_parts(tmp_path: Path):
    keystone = made(tmp_path)
    for (kind, key), resource in list(keystone.held.items()):
        keystone.put(Resource(kind, key, resource.attributes, None))
    provider = keystone.held[Kind.IDENTITY_PROVIDER, ("egi",)]
    keystone.put(Resource(provider.kind, provider.key, {**provider.attributes, "authorization_ttl": None}))
    protocol = keystone.held[Kind.PROTOCOL, ("egi", "openid")]
    keystone.put(Resource(protocol.kind, protocol.key, {**protocol.attributes, "remote_id_attribute": None}))
    text = "\n".join(told(keystone))
    taken, rest = text.split("It takes these over")[1].split("It moves logins")
    moved, others = rest.split("It changes more than that.")
    assert "~ vo.access.egi.eu:role=vm_operator@egi (group)" in taken
    assert "~ egi/openid (protocol)" in moved
    assert "~ egi (identity provider)" in others
    assert "authorization_ttl: None -> 480" in others


def test_names_from_keystone_do_not_steer_the_terminal(tmp_path: Path):
    keystone = made(tmp_path)
    told_of = {"authorization_ttl": 60, "domain": "egi", "enabled": False, "issuers": ["https://o.test"]}
    keystone.put(Resource(Kind.IDENTITY_PROVIDER, ("\x1b[2J",), told_of))
    lines = told(keystone)
    assert any("left-disabled" in line for line in lines)
    assert not any("\x1b" in line for line in lines)
