"""The places of a lab: its state directory, its sockets, the checkout it runs from. Owns paths and their rights."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from p3idp.errors.lab import LabDirectoryUnfit, PartMissing
from p3idp.lab.addresses import Addresses, free_addresses, load_addresses, save_addresses
from p3idp.wiring import new_token

CHECKOUT = Path(__file__).resolve().parents[3]
EXAMPLE = CHECKOUT / "mappings"
# What is made once on a machine, for all its labs.
CACHE = CHECKOUT / ".venvs" / "cache"
_PLAIN = re.compile(r"[\w./+@~-]+")


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything a server of the lab may need to know about where things are.

    ``state`` is kept between runs and closed to others. ``run`` is a short-lived directory with a short name for
    sockets (their paths are limited to 107 bytes) and for what Apache's unprivileged children must reach.
    """

    state: Path
    run: Path
    addresses: Addresses

    @property
    def settings(self) -> Path:
        """The settings file of p3idp."""
        return self.state / "settings.toml"

    @property
    def clouds(self) -> Path:
        """The settings file that names two clouds as environments: production, the usual one, and alt-1."""
        return self.state / "clouds.toml"

    @property
    def ca_file(self) -> Path:
        """The certificate of the throw-away authority."""
        return self.state / "tls" / "ca.pem"

    @property
    def tls_cert(self) -> Path:
        """The servers' certificate, for localhost and 127.0.0.1."""
        return self.state / "tls" / "server.pem"

    @property
    def tls_key(self) -> Path:
        """The key of the servers' certificate."""
        return self.state / "tls" / "server.key"

    @property
    def policy(self) -> Path:
        """The policy directory: the example itself, or on other ports a copy that names this lab's addresses."""
        return EXAMPLE if self.addresses == Addresses() else self.state / "mappings"

    @property
    def site(self) -> Path:
        """What `p3idp site config` generates for this lab."""
        return self.state / "site"

    @property
    def alt_1_site(self) -> Path:
        """The same for the second cloud."""
        return self.state / "site-alt-1"

    def log(self, server: str) -> Path:
        """The log of a server."""
        return self.state / "log" / f"{server}.log"

    def folder(self, name: str) -> Path:
        """A server's own folder in the state directory, made when it is not there."""
        folder = self.state / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def secret_file(self, name: str) -> Path:
        """The file of a secret (0600), made with a new secret when it is not there."""
        file = self.folder("secrets") / name
        if not file.exists():
            write_private(file, new_token() + "\n")
        return file

    def secret(self, name: str) -> str:
        """The secret of this name."""
        return self.secret_file(name).read_text(encoding="ascii").strip()


def open_layout(directory: Path, *, free_ports: bool = False) -> Layout:
    """The layout of the lab in this directory, made when it is not there. Ports once chosen are kept.

    Raises LabDirectoryUnfit, PartMissing.
    """
    if not (CHECKOUT / "deploy" / "lab").is_dir():
        raise PartMissing(
            "The lab's files are not beside this installation of p3idp.",
            hint="Run the lab from a checkout of the repository: `make run`.",
        )
    state = directory.resolve()
    if not _PLAIN.fullmatch(str(state)):
        raise LabDirectoryUnfit(f"The path {state} holds a character that Apache's or Keystone's files cannot name.")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / "log").mkdir(exist_ok=True)
    addresses = load_addresses(state / "lab.json")
    if addresses is None:
        addresses = free_addresses(str(state)) if free_ports else Addresses()
        save_addresses(addresses, state / "lab.json")
    return Layout(state, _run_path(state), addresses)


def existing_layout(directory: Path) -> Layout | None:
    """The layout of the lab in this directory, or None where there is no lab."""
    layout = lost_layout(directory)
    addresses = load_addresses(layout.state / "lab.json")
    return replace(layout, addresses=addresses) if addresses else None


def lost_layout(directory: Path) -> Layout:
    """The layout of a lab whose directory may be gone while its servers still run; its ports are not known."""
    state = directory.resolve()
    return Layout(state, _run_path(state), Addresses())


def make_run(layout: Layout) -> None:
    """Make the run directory. Raises LabDirectoryUnfit where somebody else holds its name."""
    layout.run.mkdir(mode=0o700, exist_ok=True)
    if layout.run.is_symlink() or layout.run.stat().st_uid != os.getuid():
        raise LabDirectoryUnfit(
            f"{layout.run} belongs to somebody else.", hint="Set TMPDIR to a directory of your own."
        )
    # Root's Apache serves as another user, who must pass through to the sockets; these have rights of their own.
    layout.run.chmod(0o711 if os.getuid() == 0 else 0o700)


def remove_run(layout: Layout) -> None:
    """Take the run directory away with all that is in it."""
    if not layout.run.is_symlink():
        shutil.rmtree(layout.run, ignore_errors=True)


@contextmanager
def alone(lock_file: Path) -> Iterator[None]:
    """One process at a time; the next one waits."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone can read, at no moment anybody else."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)


def write_if_changed(file: Path, text: str) -> None:
    """Write a file unless it says this already."""
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_private(file, text)


def _run_path(state: Path) -> Path:
    digest = sha256(str(state).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"p3idp-lab-{os.getuid()}-{digest}"
