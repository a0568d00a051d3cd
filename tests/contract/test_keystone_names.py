"""Names as a real Keystone lists them, and lint beside it."""

import json
from pathlib import Path

import pytest
from lint_cases import EGI, ENT, GOOD, USER, entitled, projects, rule

from p3idp import wiring
from p3idp.core.mappings.lint import Live
from p3idp.lab.handle import LabHandle


@pytest.fixture(scope="module")
def live(site: LabHandle) -> Live:
    lint = wiring.wire_lint(site.settings, online=True)
    assert lint.names is not None
    return lint.names().names()


def test_a_real_keystone_tells_all_that_a_mapping_may_name(live: Live):
    egi = live.domain_id({"name": "egi"})
    assert egi is not None
    assert live.domain_id({"id": egi}) == egi
    assert (egi, "vo.access.egi.eu:role=vm_operator") in live.groups.values()
    assert (egi, "p3") in live.projects
    assert {"admin", "member", "reader"} <= live.roles
    assert live.reaches("admin", "reader")
    assert not live.reaches("reader", "admin")
    assert live.providers["egi"].domain == egi
    assert live.providers["egi"].enabled
    assert live.protocols["egi", "openid"] == "p3idp-egi" == live.mapping_of("egi")
    rules, version = live.mappings["p3idp-egi"]
    assert version == "2.0"
    assert rules[0]["remote"]
    assert live.missing == ()


def test_lint_beside_a_real_keystone_names_what_is_not_there(site: LabHandle, live: Live, tmp_path: Path):
    issuer = {"type": "OIDC-iss", "any_one_of": [live.providers["egi"].remote_ids[0]]}
    known = {"user": USER, "group": {"name": "vo.access.egi.eu:role=vm_operator", "domain": EGI}}
    file = tmp_path / "rules.json"

    def found(*rules: object) -> set[str]:
        file.write_text(json.dumps({"rules": rules, "schema_version": "2.0"}), encoding="utf-8")
        report = wiring.wire_lint(site.settings, online=True).run([str(file)], wiring.now(), provider="egi")
        return {each.code for each in report.findings if each.file == str(file)} - {"live-drift"}

    assert found(rule({"type": "OIDC-sub"}, issuer, {"type": ENT, "any_one_of": ["x"]}, local=[known])) == set()
    assert {"live-issuer-unknown", "live-group-unknown"} == found(*GOOD)
    assert {"live-role-unknown", "live-project-unknown"} <= found(
        entitled(projects("nowhere", "wizard"), any_one_of=["x"])
    )
