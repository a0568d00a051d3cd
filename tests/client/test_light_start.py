"""What a command does not wait for whose token is kept: libraries that only asking somebody needs."""

import subprocess
import sys

# The network, locks between processes, and the policy's values: most of what loading takes beyond click.
HEAVY = {"requests", "urllib3", "filelock", "keyring", "cryptography", "p3idp.core.policy.model", "flask", "sqlalchemy"}


def test_a_command_of_a_researcher_loads_nothing_heavy_before_it_is_needed():
    code = "import sys, p3idp.cli.working, p3idp.client.here; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
