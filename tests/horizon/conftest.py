"""The lab with Horizon in it. These tests are `make test-horizon`; Horizon is too large for `make test`."""

from collections.abc import Iterator

import pytest
from keystone_checks import KeystoneChecks

from p3idp.lab import horizon_parts
from p3idp.lab.demo import apply_policy
from p3idp.lab.handle import LabHandle, temporary_lab


def pytest_sessionstart(session: pytest.Session) -> None:
    """Install Horizon before the first test's time begins to run, and show people why they wait a minute."""
    if session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        horizon_parts.install(lambda line: print(line, flush=True))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabHandle]:
    """Real Keystone, Apache, Check-in stand-in, broker and Horizon, with the policy in force."""
    with temporary_lab(tmp_path_factory.mktemp("lab"), "horizon") as lab:
        apply_policy(lab.layout)
        yield lab


@pytest.fixture(scope="session")
def keystone(site: LabHandle) -> Iterator[KeystoneChecks]:
    """Keystone, asked directly."""
    checks = KeystoneChecks(site)
    yield checks
    checks.close()
