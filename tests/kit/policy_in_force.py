"""Put the lab's policy in force the way an operator does."""

import subprocess
import sys
from pathlib import Path

from p3idp.lab.handle import LabHandle


def put_policy_in_force(lab: LabHandle) -> None:
    """`p3idp apply --yes` on the lab's settings; where it is in force already, this changes nothing."""
    program = Path(sys.executable).with_name("p3idp")
    done = subprocess.run(
        [program, "apply", "--yes", "--settings", str(lab.settings_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
