"""What the stories share: Keystone's own word on what happened."""

from collections.abc import Iterator

import pytest
from keystone_checks import KeystoneChecks

from p3idp.lab.handle import LabHandle


@pytest.fixture(scope="session")
def keystone(site: LabHandle) -> Iterator[KeystoneChecks]:
    """Keystone, asked directly."""
    checks = KeystoneChecks(site)
    yield checks
    checks.close()
