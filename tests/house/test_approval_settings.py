"""What the settings say of findings and approvals reaches the plan and the desk where two people decide."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from p3idp import wiring
from p3idp.core.access.thresholds import Thresholds
from p3idp.errors.settings import SettingsInvalid
from p3idp.settings import Settings, load_settings

MINIMAL = """
policy_dir = "policy"
[keystone]
auth_url = "https://keystone.example.org/v3"
username = "p3idp"
password = { file = "secret" }
[providers.egi]
client_id = "p3idp"
client_secret = { file = "secret" }
[store]
"""


def settings(directory: Path, more: str = "") -> Settings:
    for name, secret in (("secret", "s3cret\n"), ("key", Fernet.generate_key().decode())):
        (directory / name).touch(mode=0o600)
        (directory / name).write_text(secret)
    file = directory / "settings.toml"
    file.write_text(f'{MINIMAL}url = "sqlite:///{directory}/p3idp.sqlite"\n{more}')
    return load_settings(str(file))


def test_the_defaults_are_the_usual_ones(tmp_path: Path) -> None:
    access = wiring.wire_access(settings(tmp_path))
    assert (access.limits, access.guarded) == (Thresholds(), False)


def test_what_the_settings_say_is_what_a_plan_is_held_against(tmp_path: Path) -> None:
    plan = "[plan]\nmax_removals = 3\nmax_removed_percent = 7\nmax_clock_difference_seconds = 60\n"
    plan += 'powerful_roles = ["boss"]\n'
    approvals = '[approvals]\nkey = { file = "key" }\nvalid_hours = 2\ntoken_max_age_minutes = 5\n'
    desk = wiring.wire_proposals(settings(tmp_path, plan + approvals))
    assert desk.access.limits == Thresholds(3, 7, timedelta(minutes=1), frozenset({"boss"}))
    assert desk.access.guarded
    assert (desk.valid, desk.token_age) == (timedelta(hours=2), timedelta(minutes=5))
    assert desk.proposals().latest(1) == []


def test_without_a_key_nothing_can_be_proposed_and_the_error_says_what_to_make(tmp_path: Path) -> None:
    desk = wiring.wire_proposals(settings(tmp_path))
    with pytest.raises(SettingsInvalid, match="key is missing") as told:
        desk.proposals()
    assert "Fernet key" in told.value.hint


@pytest.mark.parametrize("wrong", ["valid_hours = 0", "valid_hours = 999", "token_max_age_minutes = 90"])
def test_a_proposal_or_a_token_cannot_live_for_ever(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsInvalid, match="approvals"):
        settings(tmp_path, f"[approvals]\n{wrong}\n")
