"""What a server of the lab is. A new server is one more file with a subclass, and one more line in the list."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import httpx

from p3idp.lab.authority import trust
from p3idp.lab.layout import Layout


@dataclass(frozen=True, slots=True)
class Program:
    """What the supervisor runs. ``inputs``: files which, when they change, make a restart necessary."""

    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that this machine lacks, and the one command that brings it."""

    what: str
    command: str


class Server(ABC):
    """One server. ``patience_seconds``: how long it may take from start to first good answer on a busy machine."""

    name: ClassVar[str]
    patience_seconds: ClassVar[int] = 90

    def bring(self, say: Callable[[str], None]) -> None:  # noqa: B027 - most come with `make install`
        """Install what it needs, for servers that people ask for by name; ``say`` takes lines of progress."""

    def missing(self, layout: Layout) -> Missing | None:
        """What the machine lacks for this server; None when it can run."""
        return None

    @abstractmethod
    def address(self, layout: Layout) -> str:
        """Where it can be reached: a URL, or the path of a socket."""

    def port(self, layout: Layout) -> int | None:
        """The TCP port it listens on, if any."""
        return None

    def prepare(self, layout: Layout) -> None:  # noqa: B027 - many servers need nothing
        """Write the files it needs. Runs at every start, beside the other servers' preparations."""

    @abstractmethod
    def program(self, layout: Layout) -> Program:
        """What to run, after ``prepare``."""

    @abstractmethod
    def is_ready(self, layout: Layout) -> bool:
        """Whether it answers as it should."""

    def join(self, layout: Layout) -> None:  # noqa: B027 - most need nothing of the others
        """Make itself known to the other servers, once it answers. Runs at every start."""


def answers(layout: Layout, url: str) -> int | None:
    """The HTTP status that a URL answers with, None when it does not answer."""
    try:
        with httpx.Client(verify=trust(layout), trust_env=False, timeout=5) as client:
            return client.get(url).status_code
    except httpx.HTTPError:
        return None
