"""What ops need in order to generate configuration: templates, the Apache it is for, and a place to put it."""

from collections.abc import Mapping
from typing import Protocol

from p3idp.core.site.versions import ModuleVersion


class Renderer(Protocol):
    """Fills templates. A value that a template's kind of file cannot hold is refused, never escaped into it."""

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """The template ``name`` filled with ``values``. Raises ConfigurationRefused."""
        ...


class ApacheInstalled(Protocol):
    """The Apache of this machine, asked and never changed."""

    def module_version(self) -> ModuleVersion | None:
        """The installed mod_auth_openidc; None where there is none."""
        ...

    def check(self, files: Mapping[str, str], main: str, placed_at: str) -> None:
        """Let Apache read ``files`` (name to text), beginning with ``main``, as if they lay in ``placed_at``.

        Raises ConfigurationRefused with Apache's own message, or where Apache is not installed.
        """
        ...


class ConfigurationDirectory(Protocol):
    """Where generated files are put."""

    def write(self, files: Mapping[str, str], private: frozenset[str]) -> None:
        """Write all files; those in ``private`` are readable by the owner alone from the first moment."""
        ...
