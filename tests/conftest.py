"""What all tests share: the real lab, started at most once a run and only when a test asks for it."""

from collections.abc import Iterator

import keyring
import pytest
from keyring.backends.null import Keyring as NoKeyring

from p3idp.lab.demo import apply_policy
from p3idp.lab.handle import LabHandle, temporary_lab

pytest_plugins = ["no_skips", "battery"]


@pytest.fixture(scope="session", autouse=True)
def _no_keyring() -> None:
    """Of all keyrings it knows, a test's own among them, the library would take the one that thinks most of itself."""
    keyring.set_keyring(NoKeyring())


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabHandle]:
    """Real Keystone behind Apache, two Check-in stand-ins and the broker; other tests may have applied the policy."""
    with temporary_lab(tmp_path_factory.mktemp("lab")) as running_lab:
        yield running_lab


@pytest.fixture(scope="session")
def site(lab: LabHandle) -> LabHandle:
    """The same lab after `p3idp apply`, from the first test on that asks for this."""
    apply_policy(lab.layout)
    return lab
