"""The database itself: how it is opened, brought up to date, and how its failures are told.

Owns the engine, SQLite's safety settings and migrations. Tables are tables.py; what is kept in them is the
matter of ledger.py and sessions.py.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from p3idp.core.secret import Secret
from p3idp.errors.access import LedgerUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MILLISECONDS = 10_000
# By the beginning of SQLite's own code (https://www.sqlite.org/rescode.html).
_SQLITE_WORDS = {
    "SQLITE_FULL": "its disk is full",
    "SQLITE_IOERR": "its disk is full or failing",
    "SQLITE_READONLY": "its file may not be written by this user",
    "SQLITE_CANTOPEN": "its file cannot be opened, or its directory may not be written by this user",
    "SQLITE_NOTADB": "its file is no SQLite database; restore it from a backup",
    "SQLITE_CORRUPT": "its file is damaged; restore it from a backup",
    "SQLITE_BUSY": "another process held it too long",
}


def open_store(url: str, password: Secret[str] | None = None) -> Engine:
    """Open the database and bring its tables up to date. Raises LedgerUnavailable."""
    with store_errors():
        engine = make_engine(url, password)
        migrate(engine)
        return engine


def make_engine(url: str, password: Secret[str] | None = None) -> Engine:
    """An engine for SQLite, PostgreSQL or MariaDB. A new SQLite file is readable by its owner alone."""
    try:
        parsed = make_url(url)
        if password is not None:
            parsed = parsed.set(password=password.reveal())
        if parsed.get_backend_name() == "sqlite":
            _create_private(parsed)
            engine = create_engine(parsed, connect_args={"timeout": BUSY_MILLISECONDS / 1000})
            _make_safe(engine)
            return engine
        # Galera and firewalls drop idle connections: ask before use rather than fail a sign-in.
        return create_engine(parsed, pool_pre_ping=True, isolation_level="READ COMMITTED")
    except ModuleNotFoundError as exc:
        told = f"The database driver {exc.name}, which [store] url asks for, is not installed."
        raise LedgerUnavailable(told, hint=f"Install {exc.name}, or name another driver in the address.") from None
    except (ArgumentError, NoSuchModuleError) as exc:
        # The text of these errors may hold the whole URL, password included.
        raise LedgerUnavailable(f"The database address in [store] url is not usable ({type(exc).__name__}).") from None


def _create_private(url: URL) -> None:
    if not url.database or url.database == ":memory:":
        return
    try:
        # Never open a file that is there: closing it again would drop the POSIX locks of this process's other
        # connections, and the next process to leave would remove the write-ahead log they still write to.
        os.close(os.open(url.database, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as exc:
        raise LedgerUnavailable(f"The database file {url.database} cannot be opened: {exc.strerror}.") from exc


def _make_safe(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        # Python's own implicit BEGIN comes too late for DDL and for locks; transactions are begun below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            f"busy_timeout={BUSY_MILLISECONDS}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock first: reading and then upgrading would fail at once where two do it.
        kind = "IMMEDIATE" if connection.get_execution_options().get("writing") else "DEFERRED"
        connection.exec_driver_sql(f"BEGIN {kind}")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that writes: committed and on disk when the block ends. Raises LedgerUnavailable."""
    with store_errors(), engine.execution_options(writing=True).begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that only reads. Raises LedgerUnavailable."""
    with store_errors(), engine.begin() as connection:
        yield connection


@contextmanager
def store_errors() -> Iterator[None]:
    """Tell the database's failures in our words; its own text goes to the log only."""
    try:
        yield
    except SQLAlchemyError as exc:
        cause = getattr(exc, "orig", None) or exc
        name = getattr(cause, "sqlite_errorname", "")
        known = next((words for prefix, words in _SQLITE_WORDS.items() if name.startswith(prefix)), "")
        told = f"The database did not do what was asked: {known or type(cause).__name__}."
        raise LedgerUnavailable(told, debug=str(cause)) from exc


def clear_log(engine: Engine) -> None:
    """Take what was deleted out of SQLite's log as well, unless others always read. Raises LedgerUnavailable."""
    if engine.dialect.name != "sqlite":
        return
    with store_errors():
        connection = engine.raw_connection()  # in no transaction
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as exc:
        raise LedgerUnavailable("What was deleted may still stand in the database's log.", debug=str(exc)) from exc
    finally:
        connection.close()


def check_store(engine: Engine) -> None:
    """Raise LedgerUnavailable unless the database answers."""
    with reading(engine) as connection:
        connection.exec_driver_sql("SELECT 1")


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision; nothing happens where they are."""
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    head = ScriptDirectory.from_config(config).get_current_head()
    with reading(engine) as connection:
        if MigrationContext.configure(connection).get_current_revision() == head:
            return
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
