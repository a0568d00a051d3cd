"""The units that a site installs agree with the settings' defaults, name a command that is there, and are closed in."""

import re
from configparser import RawConfigParser
from pathlib import Path

from p3idp.cli.main import COMMANDS
from p3idp.settings.bounds import RemovalSettings

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
CLOSED = ("ProtectSystem", "NoNewPrivileges", "PrivateTmp", "RestrictAddressFamilies", "CapabilityBoundingSet")


def unit(name: str) -> RawConfigParser:
    parser = RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's names have capitals
    parser.read_string((UNITS / name).read_text(encoding="utf-8"))
    return parser


def test_the_timer_runs_as_often_as_the_settings_say_by_default():
    assert unit("p3idp-recheck.timer")["Timer"]["OnCalendar"] == f"*:0/{RemovalSettings().every_minutes}"


def test_a_run_that_hangs_ends_before_the_next_begins():
    seconds = int(unit("p3idp-recheck.service")["Service"]["TimeoutStartSec"])
    assert seconds < RemovalSettings().every_minutes * 60


def test_every_service_runs_a_command_of_p3idp_as_nobody_special():
    for file in UNITS.glob("p3idp-*.service"):
        service = unit(file.name)["Service"]
        assert re.match(r"/\S*/p3idp (\S+) ", service["ExecStart"])[1] in COMMANDS  # type: ignore[index]
        assert service["User"] == "p3idp"
        assert [name for name in CLOSED if name not in service] == []
        assert service["ProtectSystem"] == "strict"


def test_every_timer_has_its_service():
    assert [t for t in UNITS.glob("*.timer") if not t.with_suffix(".service").exists()] == []
