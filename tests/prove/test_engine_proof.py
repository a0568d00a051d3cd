"""p3idp's mapping engine answers as Keystone's: generated pairs, Keystone's fixtures, hypothesis, seeded defects."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from seeded_defects import DEFECTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """One run for all: starting Keystone's engine takes seconds. The order of sets is the same in both processes."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests/kit")])
    script = [sys.executable, str(ROOT / "tests/prove/prove.py"), "--json"]
    done = subprocess.run(
        [*script, "--pairs", "20000", "--fixtures", "--hunt", "250", "--defects", "6000"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": "0"},
    )
    assert done.stdout, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_twenty_thousand_generated_pairs_agree(report):
    assert report["disagreements"] == []
    assert report["pairs"] >= 20_000


def test_the_pairs_are_worth_comparing_and_few_are_refused(report):
    kinds, pairs = report["kinds"], report["pairs"]
    assert kinds["result"] > 0.2 * pairs
    assert kinds["no-match"] > 0.1 * pairs
    assert kinds["evaluation-error"] > 0.1 * pairs
    assert kinds["invalid-rule"] > 0.01 * pairs
    assert kinds["refused"] < 0.03 * pairs


def test_nothing_is_refused_but_for_the_documented_reasons(report):
    documented = {"takes too long", "attribute", "format specification", "width", "JSON cannot hold"}
    assert set(report["refused"]) <= documented


def test_the_fixtures_of_keystones_own_tests_agree(report):
    assert report["fixtures"]["disagreements"] == []
    assert report["fixtures"]["kinds"]["result"] > 300


def test_hypothesis_finds_no_disagreement(report):
    assert report["hunted"] > 200


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_seeded_defect_turns_the_proof_red(report, defect):
    assert report["defects"][defect] > 0
