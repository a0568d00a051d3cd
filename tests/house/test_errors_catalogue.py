"""Every error has one code for ever, an exit status of the table, help, and a line in the reference."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import p3idp.errors
from p3idp.errors import ExitStatus, P3idpError

ROOT = Path(__file__).parents[2]


def every_error() -> list[type[P3idpError]]:
    for module in pkgutil.iter_modules(p3idp.errors.__path__):
        importlib.import_module(f"p3idp.errors.{module.name}")
    found, queue = [], [P3idpError]
    while queue:
        for child in queue.pop().__subclasses__():
            found.append(child)
            queue.append(child)
    return sorted(set(found), key=lambda cls: cls.__name__)


def test_no_two_errors_share_a_code():
    codes = [error.code for error in every_error()]
    assert len(codes) > 20
    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize("error", every_error(), ids=lambda cls: cls.__name__)
def test_error_helps(error: type[P3idpError]):
    assert error.code == error.code.lower()
    assert " " not in error.code
    assert error.exit_status in set(ExitStatus) - {ExitStatus.OK, ExitStatus.CHANGES_PENDING}
    assert 400 <= error.http_status < 600
    assert error.__doc__
    assert error.hint or error.code == "part-missing", "say what to try"


def test_the_reference_says_what_the_code_says():
    """Codes, exit statuses and hints change in the reference too, where a review sees it."""
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    assert [error.code for error in every_error() if f"`{error.code}`" not in page] == []


def test_errors_live_in_the_catalogue_only():
    elsewhere = [error.__module__ for error in every_error() if not error.__module__.startswith("p3idp.errors.")]
    assert elsewhere == []
