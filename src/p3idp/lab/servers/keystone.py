"""Keystone under uWSGI, on a socket that only Apache reaches. Owns its database, keys and bootstrap."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from p3idp.errors.lab import ServerFailed
from p3idp.lab.layout import CACHE, CHECKOUT, Layout, alone, write_if_changed, write_private
from p3idp.lab.servers.apache import INSTALL, is_installed
from p3idp.lab.servers.base import Missing, Program, Server, answers

VENV = CHECKOUT / ".venvs" / "keystone"
# Processes of one thread each: Keystone's middleware keeps the token in hand where all threads of a process see it.
WORKERS = 2
# Hash rounds: bcrypt at its default costs a second a password; nothing in a lab is worth guessing.
_CONFIG = """\
# Written by the lab: what a site has of its own. The federation part is generated and stands beside this file.
[database]
connection = sqlite:///{folder}/keystone.sqlite?timeout=30
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/fernet-keys
[fernet_receipts]
key_repository = {folder}/fernet-keys
[credential]
key_repository = {folder}/credential-keys
[identity]
password_hash_rounds = 4
"""
_PREPARED = ("keystone.sqlite", "fernet-keys", "credential-keys")


class Keystone(Server):
    """OpenStack's identity service, as the site would run it."""

    name = "keystone"
    patience_seconds = 150  # its worker loads for 9 s on a quiet machine, several times that on a busy one

    def missing(self, layout: Layout) -> Missing | None:
        """Keystone has a virtual environment of its own, and one way in: Apache."""
        if not is_installed():
            return Missing("Apache, the only way to Keystone", INSTALL)
        if not (VENV / "bin" / "uwsgi").exists():
            return Missing("Keystone's virtual environment", "make install")
        return None

    def address(self, layout: Layout) -> str:
        """Its socket, which speaks the uwsgi protocol; people reach it through Apache."""
        return str(self.socket(layout))

    def socket(self, layout: Layout) -> Path:
        """The socket where uWSGI listens."""
        return socket_path(layout, self.name)

    def url(self, layout: Layout) -> str:
        """The one way to it: its Apache."""
        return layout.addresses.keystone_url

    def site(self, layout: Layout) -> Path:
        """Where the configuration was generated that it reads besides its own."""
        return layout.site

    def prepare(self, layout: Layout) -> None:
        """Lay down configuration, database and keys, and make the administrator."""
        folder = layout.folder(self.name)
        config = folder / "keystone.conf"
        write_if_changed(config, _CONFIG.format(folder=folder))
        for name in _PREPARED:
            if not (folder / name).exists():
                _copy(_template() / name, folder / name)
        self._bootstrap(layout, config)

    def program(self, layout: Layout) -> Program:
        """Two workers, as many as write at once here: SQLite has one writer anyway."""
        folder = layout.state / self.name
        files = (folder / "keystone.conf", self.site(layout) / "keystone.conf")
        command = [
            *(str(VENV / "bin" / "uwsgi"), "--master", "--die-on-term", "--need-app", "--lazy-apps"),
            *("--module", "keystone.wsgi.api:application", "--pyargv", ""),
            *("--processes", str(WORKERS), "--enable-threads", "--threads", "1", "--buffer-size", "65535"),
            *("--uwsgi-socket", str(self.socket(layout)), "--chmod-socket=660", "--disable-logging"),
        ]
        if os.getuid() == 0:
            command.append("--chown-socket=root:www-data")
        return Program(
            command=tuple(command),
            directory=folder,
            environment={"OS_KEYSTONE_CONFIG_FILES": ";".join(map(str, files))},
            inputs=files,
        )

    def is_ready(self, layout: Layout) -> bool:
        """Whether it answers through Apache, the only way in."""
        return answers(layout, self.url(layout)) == 200

    def _bootstrap(self, layout: Layout, config: Path) -> None:
        """Make the administrator and the catalogue; the password goes through the environment, never the arguments."""
        done = config.parent / "bootstrapped"
        url = self.url(layout)
        if done.exists() and done.read_text(encoding="utf-8") == url:
            return
        endpoints = [f"--bootstrap-{kind}-url={url}" for kind in ("public", "internal", "admin")]
        password = {"OS_BOOTSTRAP_PASSWORD": layout.secret(f"{self.name}-admin")}
        _manage(config, "bootstrap", "--bootstrap-region-id=RegionOne", *endpoints, environment=password)
        write_private(done, url)


def socket_path(layout: Layout, server: str = "keystone") -> Path:
    """The socket where uWSGI listens."""
    return layout.run / f"{server}.sock"


def version() -> str:
    """The version of Keystone in its virtual environment."""
    found = sorted(VENV.glob("lib/python*/site-packages/keystone-*.dist-info"))
    return found[-1].name.removeprefix("keystone-").removesuffix(".dist-info") if found else "none"


# Keystone leaves it to the database to delete a credential's roles with it, as MariaDB and PostgreSQL do. SQLite does
# not, and gives the same number again: the next credential would be a "duplicate".
_CASCADE = """
CREATE TRIGGER forget_application_credential AFTER DELETE ON application_credential BEGIN
DELETE FROM application_credential_role WHERE application_credential_id = OLD.internal_id;
DELETE FROM application_credential_access_rule WHERE application_credential_id = OLD.internal_id;
END
"""


def _template() -> Path:
    """An empty database and keys for this version, made once and copied into every new lab (saves 7 s each)."""
    ready = CACHE / f"keystone-{version()}-{sha256((_CONFIG + _CASCADE).encode()).hexdigest()[:8]}"
    with alone(CACHE / "lock"):
        if not ready.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                _make_template(Path(scratch))
                shutil.move(scratch, ready)
                Path(scratch).mkdir()  # for the context manager to remove
    return ready


def _make_template(folder: Path) -> None:
    config = folder / "keystone.conf"
    write_private(config, _CONFIG.format(folder=folder))
    owner = ("--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid()))
    _manage(config, "db_sync")
    with closing(sqlite3.connect(folder / "keystone.sqlite")) as database:
        database.execute(_CASCADE)
    for setup, keys in (("fernet_setup", "fernet-keys"), ("credential_setup", "credential-keys")):
        (folder / keys).mkdir(mode=0o700)
        _manage(config, setup, *owner)


def _manage(config: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
    command = [str(VENV / "bin" / "keystone-manage"), "--config-file", str(config), *arguments]
    clean = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command, env=clean | (environment or {}), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-10:])
        raise ServerFailed(f"keystone-manage {arguments[0]} failed:\n{end}", hint="The lines above are its own.")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
        target.chmod(0o600)
