"""The page about failures of the command line names every check of the doctor and every code of the client."""

import re
from pathlib import Path

import p3idp.errors.client
import p3idp.errors.sign_in
from p3idp.client.doctor.words import CHECKS
from p3idp.errors import ExitStatus, P3idpError

PAGE = (Path(__file__).parents[2] / "docs/how-to/when-the-command-line-fails.md").read_text(encoding="utf-8")


def of(module: object) -> list[type[P3idpError]]:
    found = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, P3idpError)]
    return [each for each in found if each is not P3idpError]


def test_every_check_is_on_the_page():
    assert [check for check in CHECKS if f"| `{check}` |" not in PAGE] == []


def test_every_code_stands_under_its_exit_status():
    parts = re.split(r"^## Exit status (\d)", PAGE, flags=re.MULTILINE)
    under = {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}
    errors = [*of(p3idp.errors.client), *of(p3idp.errors.sign_in)]
    assert len(errors) > 12
    assert [each.code for each in errors if f"`{each.code}`" not in under[each.exit_status]] == []
    assert set(under) == {1, 2, 3, 4, 5} == {int(status) for status in ExitStatus} - {0, 6}
