"""What lint says of a login is so: by our engine on whatever the generator makes, by Keystone's own on every case."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lint_proof import is_proven, ours
from questions import Generator

from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.core.mappings.lint import Written, lint_rules

# Python's remarks about the style of made-up patterns.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
ROOT = Path(__file__).parents[2]


def test_nothing_that_people_may_write_ends_in_a_traceback_or_in_an_untrue_login():
    told = 0
    for seed in range(150):
        asked = Generator(seed).question(0)
        rules, version = asked["rules"], asked["schema_version"]
        for each in lint_rules(Written("rules.json", rules), version):
            told += each.login is not None
            assert is_proven(each, rules, ours(version, NO_SEARCH)), (seed, each)
    assert told > 300


def test_keystone_itself_does_with_each_login_what_lint_says():
    """In a process of its own: both engines need one hash seed, so that sets have one order."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests/kit")])
    words = [sys.executable, str(ROOT / "tests/prove/lint_at_keystone.py")]
    env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 80
