"""Ask the installed Apache. Owns finding it, reading its module's version, and running its syntax check."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from p3idp.core.site.versions import ModuleVersion, parse_version
from p3idp.errors.site import ConfigurationRefused

_BINARIES = ("apache2", "/usr/sbin/apache2", "httpd", "/usr/sbin/httpd")
_SERVER_ROOTS = (Path("/usr/lib/apache2"), Path("/usr/lib64/httpd"), Path("/etc/httpd"))
# In the order Apache wants them; one that is built in has no file and is left out.
_MODULES = (
    "mpm_event", "authn_core", "authz_core", "authz_user", "authz_host", "alias", "headers", "rewrite",
    "socache_shmcb", "ssl", "proxy", "proxy_uwsgi", "proxy_http", "auth_openidc",
)  # fmt: skip
_TIMEOUT_SECONDS = 30


class InstalledApache:
    """Apache as a package installed it. ``server_root`` holds ``modules/``."""

    def __init__(self, binary: str | None = None, server_root: Path | None = None) -> None:
        self._binary = binary or next((found for name in _BINARIES if (found := shutil.which(name))), None)
        self._root = server_root or next((root for root in _SERVER_ROOTS if (root / "modules").is_dir()), None)

    def module_version(self) -> ModuleVersion | None:
        """The version that the module's own file names; the module puts it into every user agent it sends."""
        if self._root is None:
            return None
        try:
            library = (self._root / "modules" / "mod_auth_openidc.so").read_bytes()
        except OSError:
            return None
        start = library.find(b"mod_auth_openidc-2.")
        return parse_version(library[start : start + 40].decode("ascii", "replace")) if start >= 0 else None

    def wrapper(self, main: Path, directory: Path) -> str:
        """The least configuration that loads the modules and includes ``main``; all else lies in ``directory``."""
        root = self._root or Path("/nonexistent")
        loads = [
            f"LoadModule {name}_module modules/mod_{name}.so"
            for name in _MODULES
            if (root / "modules" / f"mod_{name}.so").exists()
        ]
        lines = [
            f'ServerRoot "{root}"',
            "ServerName localhost",
            f'DefaultRuntimeDir "{directory}"',
            f'PidFile "{directory}/pid"',
            f'ErrorLog "{directory}/error.log"',
            *loads,
            f'Include "{main}"',
        ]
        return "\n".join(lines) + "\n"

    def check(self, files: Mapping[str, str], main: str, placed_at: str) -> None:
        """Run ``apache2 -t`` on a private copy. ``placed_at`` is only where their includes point, and is replaced."""
        if self._binary is None or self.module_version() is None:
            missing = "Apache" if self._binary is None else "mod_auth_openidc"
            raise ConfigurationRefused(
                f"{missing} is not installed here, so the configuration cannot be checked; nothing was written.",
                hint="Run this on Keystone's host, or write it unchecked with --no-check.",
            )
        with tempfile.TemporaryDirectory(prefix="p3idp-apache-") as made:
            directory = Path(made)
            for name, text in files.items():
                (directory / name).touch(mode=0o600)
                (directory / name).write_text(text.replace(f'"{placed_at}/', f'"{directory}/'), encoding="utf-8")
            wrapper = directory / "wrapper.conf"
            wrapper.write_text(self.wrapper(directory / main, directory), encoding="utf-8")
            self._syntax_check(wrapper, directory, placed_at)

    def _syntax_check(self, wrapper: Path, directory: Path, placed_at: str) -> None:
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program on a file of our own
                [str(self._binary), "-t", "-f", str(wrapper)],
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"},
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise ConfigurationRefused(f"Apache's syntax check did not run: {type(exc).__name__}.") from exc
        if done.returncode != 0:
            message = (done.stderr or done.stdout).strip().replace(str(directory), placed_at)
            raise ConfigurationRefused(f"Apache refuses the generated configuration; nothing was written.\n{message}")
