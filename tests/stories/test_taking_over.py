"""p3idp comes to a Keystone that is in use already: its own work, and what an operator made by EGI's manual."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from keystoneclient.v3.client import Client

from p3idp import wiring
from p3idp.adapters.keystone.session import make_session
from p3idp.cli.main import main
from p3idp.lab.handle import LabHandle

VO = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"
ISSUER = "https://hand-made.test/auth/realms/egi"


class Operator:
    """Somebody who types `p3idp`, with a ledger of their own."""

    def __init__(self, site: LabHandle, place: Path) -> None:
        text = site.settings_path.read_text(encoding="utf-8")
        url = next(line for line in text.splitlines() if line.startswith('url = "sqlite'))
        (place / "settings.toml").write_text(text.replace(url, f'url = "sqlite:///{place}/p.sqlite"'), encoding="utf-8")
        self.settings = str(place / "settings.toml")

    def __call__(self, *words: str) -> str:
        done = CliRunner().invoke(main, [*words, "--settings", self.settings], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def plan(self, directory: Path) -> dict[str, list[dict[str, object]]]:
        found: dict[str, list[dict[str, object]]] = json.loads(self("plan", "--json", "--policy-dir", str(directory)))
        return found


@pytest.fixture
def operator(site: LabHandle, tmp_path: Path) -> Operator:
    return Operator(site, tmp_path)


def test_what_p3idp_made_is_imported_and_the_plan_is_empty(operator: Operator, tmp_path: Path) -> None:
    told = json.loads(operator("import", "site", "--identity-provider", "egi", "--to", str(tmp_path / "new"), "--json"))
    assert told["plan"] == {"empty": True, "moved": [], "others": [], "taken_over": []}
    assert operator.plan(tmp_path / "new")["changes"] == []


@pytest.fixture
def by_hand(site: LabHandle) -> None:
    """EGI's manual, step by step: the group's id is pasted into the mapping, of schema 1.0."""
    session = make_session(wiring.keystone_account(site.settings), site.ca_file, 30)
    client = Client(session=session, endpoint_override=site.urls.keystone_url)
    domain = client.domains.create("hand-made")
    federation = client.federation
    told = {"enabled": True, "remote_ids": [ISSUER], "domain_id": domain.id, "authorization_ttl": 60}
    federation.identity_providers.create("egi.eu", **told)
    group = client.groups.create("VO users", domain=domain)
    other = client.groups.create("others", domain=domain)
    project = client.projects.create("vo", "default")
    client.projects.update(project, **{"egi.VO": "vo.access.egi.eu"})
    client.roles.grant(client.roles.find(name="member"), group=group, project=project)
    rules = [rule(VO, group.id), rule("^urn:mace:egi.eu:group:others", other.id, regex=True)]
    federation.mappings.create("egi-mapping", rules=rules, schema_version="1.0")  # Keystone's own default
    federation.protocols.create("openid", "egi.eu", "egi-mapping")


def rule(entitlement: str, group: str, *, regex: bool = False) -> dict[str, object]:
    asked = {"type": "OIDC-eduperson_entitlement", "any_one_of": [entitlement]} | ({"regex": True} if regex else {})
    return {
        "local": [{"user": {"type": "ephemeral", "name": "{0}", "email": "{1}"}, "group": {"id": group}}],
        "remote": [
            {"type": "HTTP_OIDC_SUB"},
            {"type": "HTTP_OIDC_EMAIL"},
            {"type": "HTTP_OIDC_ISS", "any_one_of": [ISSUER]},
            asked,
        ],
    }


@pytest.mark.usefixtures("by_hand")
def test_a_site_made_by_egis_manual_is_taken_over_without_a_change_of_access(
    operator: Operator, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    told = json.loads(operator("import", "site", "--identity-provider", "egi.eu", "--to", str(new), "--json"))
    assert told["plan"]["others"] == []
    assert [each["name"] for each in told["plan"]["taken_over"]] == ["egi.eu", "VO users@hand-made"]
    assert [each["name"] for each in told["plan"]["moved"]] == ["p3idp-egi.eu", "egi.eu/openid"]
    assert told["providers"]["egi.eu"]["verbatim"] == [1]
    assert told["providers"]["egi.eu"]["replay"]["let_in"] > 5
    warnings = {remark["code"] for remark in told["providers"]["egi.eu"]["remarks"]}
    assert warnings >= {"accepts-more", "attribute-prefix", "claim-no-longer-asked"}

    planned = operator.plan(new)
    assert sorted(str(change["name"]) for change in planned["changes"]) == [
        "VO users@hand-made", "egi.eu", "egi.eu/openid", "p3idp-egi.eu",
    ]  # fmt: skip
    dangers = {str(finding["name"]) for finding in planned["findings"] if finding["blocking"]}
    accepted = [word for name in sorted(dangers) for word in ("--accept", name)]
    assert "foreign-object" in dangers
    operator("apply", "--yes", *accepted, "--policy-dir", str(new))
    assert operator.plan(new)["changes"] == []
    again = json.loads(operator("import", "site", "--identity-provider", "egi.eu", "--json"))
    assert again["plan"]["empty"], "and what is p3idp's now is imported as p3idp's"
