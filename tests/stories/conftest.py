"""What the stories share: the lab with its policy in force, and Keystone's own word on what happened."""

from collections.abc import Iterator

import pytest

from keystone_checks import KeystoneChecks
from p3idp.lab.handle import LabHandle
from policy_in_force import put_policy_in_force


@pytest.fixture(scope="session")
def site(lab: LabHandle) -> LabHandle:
    """The lab after `p3idp apply`."""
    put_policy_in_force(lab)
    return lab


@pytest.fixture(scope="session")
def keystone(site: LabHandle) -> Iterator[KeystoneChecks]:
    """Keystone, asked directly."""
    checks = KeystoneChecks(site)
    yield checks
    checks.close()
