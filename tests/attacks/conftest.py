"""Fixtures of the attacks: the hostile provider, and the real verifier and sign-in client against it."""

from collections.abc import Iterator

import pytest
from hostile import HostileProvider
from trusting import Trust, make_trust


@pytest.fixture(scope="session")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileProvider]:
    provider = HostileProvider(tmp_path_factory.mktemp("hostile"))
    yield provider
    provider.close()


@pytest.fixture
def hostile(hostile_server: HostileProvider) -> HostileProvider:
    """The hostile provider, behaving until the test tells it otherwise."""
    hostile_server.reset()
    return hostile_server


@pytest.fixture
def trusting(hostile: HostileProvider) -> Trust:
    """A fresh verifier and sign-in client against the hostile provider."""
    return make_trust(hostile)
