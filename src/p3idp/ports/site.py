"""What ops need of the site's servers: templates and a place for generated files, and a look at what is running."""

from collections.abc import Mapping
from typing import Protocol

from p3idp.core.secret import Secret
from p3idp.core.site.apache_text import SourceFile
from p3idp.core.site.chain_apache import Answer
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


class Probe(Protocol):
    """Asks one server over https, trusting the CA of the settings; follows no redirect."""

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        form: Mapping[str, str] | None = None,
        client: tuple[str, Secret[str]] | None = None,
    ) -> Answer:
        """Send one request; ``client`` goes as client_secret_basic. Raises Unreached, CertificateUntrusted."""
        ...


class SiteFiles(Protocol):
    """Reads configuration files of this machine."""

    def read(self, path: str) -> SourceFile | None:
        """The file; None where there is none or it may not be read."""
        ...

    def included(self, pattern: str) -> tuple[SourceFile, ...]:
        """The files that an Include directive means, sorted."""
        ...

    def exists(self, path: str) -> bool | None:
        """Whether the path is there; None where this is not the host it is meant for."""
        ...
