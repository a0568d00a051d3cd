"""What `p3idp plan` prints: sorted, no wider than the terminal, plain where nobody looks, dangers by name."""

import click
import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.cli.access_text import plan_lines
from p3idp.core.access.resources import Kind


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    return AccessWorld(PolicyFiles(tmp_path))


def text(world: AccessWorld) -> str:
    return click.unstyle("\n".join(plan_lines(world.plan())))


@pytest.mark.parametrize("width", [60, 100])
def test_no_line_but_the_command_is_wider_than_the_terminal(world, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    world.apply()
    world.files.change("site.yaml", "    scopes:", "    claims: {subject: email}\n    scopes:")
    world.files.remove("training.egi.eu")
    lines = text(world).splitlines()
    assert max(len(line) for line in lines if not line.startswith(("To apply it", "Digest"))) <= width


def test_a_changed_mapping_shows_what_a_login_must_show_before_and_after(world):
    world.apply()
    world.files.change("site.yaml", "    scopes:", "    claims: {subject: email}\n    scopes:")
    shown = text(world)
    assert "- vo.access.egi.eu:role=vm_operator <- OIDC-sub & OIDC-iss" in shown
    assert "+ vo.access.egi.eu:role=vm_operator <- OIDC-email & OIDC-iss" in shown
    assert "! changes-user-ids: " in shown
    assert "--accept changes-user-ids" in shown


def test_what_can_not_be_accepted_offers_no_command(world):
    world.files.change("communities/vo.access.egi.eu.yaml", "[member]", "[membr]")
    assert "This plan cannot be applied" in text(world)
    assert "p3idp apply" not in text(world)


def test_an_empty_plan_says_so(world):
    world.apply()
    assert "Nothing to change: Keystone holds what the policy says." in text(world)


def test_somebody_elses_rules_are_shown_as_they_are(world):
    world.apply()
    strange = [{"local": [{"groups": "{0}", "domain": {"name": "x"}}], "remote": [{"type": "G", "whitelist": ["a"]}]}]
    world.put(Kind.MAPPING, ("p3idp-egi",), rules=strange, schema_version="1.0")
    assert '- [{"domain": {"name": "x"}, "groups": "{0}"}] <- G whitelist/a' in text(world)
    assert "schema_version: 1.0 -> 2.0" in text(world)


def test_a_name_that_would_steer_the_terminal_does_not(world):
    world.apply()
    world.put(Kind.IDENTITY_PROVIDER, ("x\x1b[2J",), None, issuers=[], enabled=True)
    shown = "\n".join(plan_lines(world.plan()))
    assert "\x1b[2J" not in shown
    assert "names no issuer" in click.unstyle(shown)
