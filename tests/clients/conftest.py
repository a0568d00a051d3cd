"""The lab with Barbican, and a researcher's desk with Ansible. `make test-clients`: too large for `make test`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_desk import ANSIBLE, ROOT, Desk

from p3idp.lab.demo import apply_policy
from p3idp.lab.handle import LabHandle, temporary_lab
from p3idp.lab.servers import barbican


def pytest_sessionstart(session: pytest.Session) -> None:
    """Install both before the first test's time begins to run, and show people why they wait."""
    if session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        for part in (barbican.ENVIRONMENT, ANSIBLE):
            part.install(lambda line: print(line, flush=True))


@pytest.fixture(scope="session")
def light_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of Ansible's modules, with p3idp installed as people install it: without the server's libraries."""
    out = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(out), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, capture_output=True)
    install = ["install", "-q", "--no-deps", "--no-index", "--force-reinstall", *map(str, out.glob("*.whl"))]
    subprocess.run([ANSIBLE.home / "bin/python", "-m", "pip", *install], check=True, capture_output=True)
    return ANSIBLE.home / "bin" / "python"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabHandle]:
    """Real Keystone, Apache, Check-in stand-in, broker and Barbican, with the policy in force."""
    with temporary_lab(tmp_path_factory.mktemp("lab"), "barbican") as lab:
        apply_policy(lab.layout)
        yield lab


@pytest.fixture
def desk(site: LabHandle, tmp_path: Path, light_client: Path) -> Iterator[Desk]:
    place = Desk(tmp_path, site, light_client)
    with place.watched():
        yield place
    assert place.leaks() == []
