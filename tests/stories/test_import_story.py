"""The mapping that the real Keystone holds is taken over: the same rules, and the roles that its groups have there."""

import json
from pathlib import Path

from p3idp import wiring
from p3idp.core.access.resources import Kind
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.importing.choices import Choices
from p3idp.core.policy.examples import failed_examples
from p3idp.lab.handle import LabHandle
from p3idp.ops.import_mapping import asked_keystone, read_mapping


def test_what_keystone_holds_comes_back_as_the_policy_that_made_it(site: LabHandle, tmp_path: Path) -> None:
    settings = site.settings
    reader = wiring.wire_access(settings).reader
    held = reader.read("egi").of(Kind.MAPPING)[("p3idp-egi",)].attributes
    rules, version = read_mapping(json.dumps({"mapping": {"id": "p3idp-egi", **held}}).encode())
    names = wiring.wire_group_names(settings)
    assert ("egi", "vo.access.egi.eu:role=vm_operator") in names.values()
    choices = asked_keystone(Choices("egi"), reader, names)
    importer = wiring.wire_mapping_import()
    done = importer.run(rules, version, choices, wiring.now())
    assert (done.found.kept, done.replayed.excused) == ({}, 0)
    importer.write(done, str(tmp_path / "policy"))

    policy = wiring.wire_policy_directory(tmp_path / "policy", lab=True)
    (provider,) = policy.site.identity_providers
    assert list(compile_mapping(policy, provider, wiring.now()).rules) == held["rules"]
    assert list(failed_examples(policy)) == []
    granted = {
        (c.name, str(project), roles) for c in policy.communities for r in c.rules for project, roles in r.grants
    }
    assert granted == {("vo.access.egi.eu", "p3@egi", ("member",)), ("training.egi.eu", "training@egi", ("member",))}
