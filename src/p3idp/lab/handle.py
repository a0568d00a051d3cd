"""A running lab in the hands of a test or a measurement. Owns the short ways to what they ask for most."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from p3idp.errors.lab import PartMissing
from p3idp.lab import running
from p3idp.lab.addresses import Addresses
from p3idp.lab.authority import trust
from p3idp.lab.control import Control
from p3idp.lab.layout import Layout, open_layout
from p3idp.lab.running import Row
from p3idp.lab.sign_in import Person, sign_in
from p3idp.settings import Settings, load_settings


class LabHandle:
    """The lab's addresses, files, people's tokens and switches.

    ``urls.keystone_url``, ``urls.issuer``, ``urls.hub_issuer``, ``urls.broker_url``, ``urls.horizon_url``.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.urls: Addresses = layout.addresses
        self.state_dir: Path = layout.state
        self.settings_path: Path = layout.settings
        self.ca_file: Path = layout.ca_file

    @property
    def settings(self) -> Settings:
        """The settings, read afresh; they hold the administrator's way into Keystone."""
        return load_settings(str(self.settings_path))

    @property
    def tls(self) -> ssl.SSLContext:
        """A context that trusts the lab's authority alone; for httpx together with ``trust_env=False``."""
        return trust(self.layout)

    def token(self, user: str, client: str = "p3idp-cli", provider: str = "egi", scopes: str | None = None) -> str:
        """An access token, gotten through the sign-in form."""
        reply: str = self.tokens(user, client, provider, scopes)["access_token"]
        return reply

    def tokens(
        self, user: str, client: str = "p3idp-cli", provider: str = "egi", scopes: str | None = None
    ) -> dict[str, Any]:
        """The whole token reply: access_token, id_token, expires_in, with offline_access also refresh_token."""
        person = Person(user, provider=provider, client=client)
        return sign_in(self.layout, Person(user, provider, client, scopes) if scopes else person)

    def control(self, provider: str = "egi") -> Control:
        """The switches of a provider. Take back what you change: others use the same lab."""
        return Control(self.layout, provider)


@contextmanager
def temporary_lab(directory: Path, *extras: str) -> Iterator[LabHandle]:
    """A whole lab on free ports that ends with this block, and with this process however that ends.

    ``extras``: optional servers by name, such as ``horizon``.
    """
    layout = open_layout(directory, free_ports=True)
    try:
        _refuse_missing(running.up(layout, lambda line: None, tied=True, extras=extras))
        yield LabHandle(layout)
    finally:
        running.down(layout)


def _refuse_missing(rows: Iterable[Row]) -> None:
    """People may go on without a part; a test that did would prove nothing."""
    missing = [row for row in rows if row.state == "missing"]
    if missing:
        names, hints = (
            ", ".join(dict.fromkeys(words)) for words in zip(*((r.name, r.hint) for r in missing), strict=True)
        )
        raise PartMissing(f"This machine lacks what the lab needs for {names}.", hint=hints)
