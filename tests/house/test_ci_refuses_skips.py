"""In CI a test that was skipped, or expected to fail, turns the run red; on a developer's machine it does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KIT = Path(__file__).parents[1] / "kit"
SKIPPED = "import pytest\n\ndef test_odd():\n    pytest.skip('no time')\n"
EXPECTED_TO_FAIL = "import pytest\n\n@pytest.mark.xfail\ndef test_odd():\n    assert False\n"
PASSED = "def test_odd():\n    pass\n"


@pytest.mark.parametrize(
    ("test", "ci", "status"),
    [(SKIPPED, "true", 1), (EXPECTED_TO_FAIL, "true", 1), (PASSED, "true", 0), (SKIPPED, "", 0)],
    ids=["skipped in CI", "expected to fail in CI", "passed in CI", "skipped elsewhere"],
)
def test_only_in_ci_is_a_skip_a_failure(tmp_path: Path, test: str, ci: str, status: int):
    (tmp_path / "test_odd.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no_skips", "-p", "no:cacheprovider", "test_odd.py"],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(KIT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == status, done.stdout


def test_this_run_refuses_skips_too(pytestconfig: pytest.Config):
    assert pytestconfig.pluginmanager.has_plugin("no_skips")
