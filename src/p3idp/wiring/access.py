"""The policy, the ledger, and plan and apply at Keystone with p3idp's own account."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from p3idp.errors.settings import SettingsInvalid
from p3idp.wiring.environment import monotonic, now, sleep

if TYPE_CHECKING:
    from p3idp.core.access.thresholds import Thresholds
    from p3idp.core.policy.model import Policy
    from p3idp.core.secret import Secret
    from p3idp.ops.access import AccessOps
    from p3idp.ops.access_history import AccessHistory
    from p3idp.ops.people import PeopleView
    from p3idp.ports.history import History, RunLock
    from p3idp.ports.ledger import Ledger
    from p3idp.ports.people import PeopleReader
    from p3idp.settings import Settings


def wire_policy(settings: "Settings") -> "Policy":
    """The policy directory of the settings, read anew. Raises PolicyInvalid with every mistake of every file."""
    return wire_policy_directory(settings.policy_dir, lab=settings.lab, environment=settings.environment)


def wire_policy_directory(directory: Path, *, lab: bool = False, environment: str = "") -> "Policy":
    """A policy directory, such as a draft, for an environment; ``lab`` permits plain http. Raises PolicyInvalid."""
    from p3idp.adapters.policy_files import load_policy

    return load_policy(directory, lab=lab, environment=environment)


def wire_ledger(settings: "Settings") -> "Ledger":
    """The ledger of the database in the settings, written to in the name of this host. Raises LedgerUnavailable."""
    return wire_records(settings)[0]


def wire_records(settings: "Settings") -> "tuple[Ledger, History]":
    """Ledger and history of applies, in one database that is opened once. Raises LedgerUnavailable."""
    import socket

    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.history import StoredHistory
    from p3idp.adapters.store.ledger import StoredLedger

    engine = open_store(*database(settings))
    return StoredLedger(engine, socket.gethostname()), StoredHistory(engine, settings.history.keep)


def wire_past(settings: "Settings") -> "AccessHistory":
    """The applies so far, with an environment those of its Keystone. Raises LedgerUnavailable."""
    from p3idp.core.keystone_url import v3_url
    from p3idp.ops.access_history import AccessHistory

    ledger, history = wire_records(settings)
    return AccessHistory(history, ledger, v3_url(settings.keystone.auth_url) if settings.environment else "")


def wire_lock(settings: "Settings") -> "RunLock":
    """What lets one apply at a time through. Raises SettingsInvalid, CoordinationUnavailable."""
    import socket
    from os import getpid

    from sqlalchemy import make_url

    from p3idp.adapters.coordination import CoordinatedLock, file_lock

    member, chosen = f"{socket.gethostname()}-{getpid()}", settings.coordination
    if chosen.url is not None:
        return CoordinatedLock(chosen.url, member, chosen.password.resolve() if chosen.password else None)
    file = make_url(settings.store.url)
    if file.get_backend_name() != "sqlite" or not file.database:
        told = "The database is shared between hosts, and nothing keeps two of them from applying at once."
        raise SettingsInvalid(told, hint="Name [coordination] url in the settings, for example that of the database.")
    return file_lock(Path(file.database).parent / f"{Path(file.database).name}.locks", member)


def write_policy(directory: Path, texts: Mapping[str, str]) -> None:
    """Write a policy's files into a new directory. Raises DirectoryNotEmpty."""
    from p3idp.adapters.policy_files.texts import write_policy as write

    write(directory, texts)


def database(settings: "Settings") -> "tuple[str, Secret[str] | None]":
    """The database's address, and its password."""
    store = settings.store
    return store.url, store.password.resolve() if store.password else None


def wire_access(settings: "Settings") -> "AccessOps":
    """Plan, apply and roll back: the policy, p3idp's account at Keystone, ledger, history and lock."""
    from p3idp.adapters.git import GitRepository
    from p3idp.adapters.keystone.federation import KeystoneFederation
    from p3idp.adapters.keystone.pace import Pace
    from p3idp.adapters.keystone.session import make_session
    from p3idp.adapters.policy_files import load_site
    from p3idp.adapters.policy_files.texts import is_policy_file, policy_from_texts, site_from_texts
    from p3idp.ops.access import AccessOps

    keystone = settings.keystone
    pace = Pace(keystone.calls_per_second, monotonic, sleep)
    session = make_session(keystone_account(settings), keystone.ca_file, keystone.timeout_seconds, pace)
    federation = KeystoneFederation(session, keystone.auth_url, sleep)
    records = cache(lambda: wire_records(settings))
    return AccessOps(
        policy=lambda: wire_policy(settings),
        reader=federation,
        writer=federation,
        ledger=lambda: records()[0],
        history=lambda: records()[1],
        lock=lambda: wire_lock(settings),
        parse=lambda texts, environment: policy_from_texts(texts, environment, lab=settings.lab),
        clock=now,
        people=_people(settings, federation.people),
        limits=_limits(settings),
        site=lambda texts, environment: site_from_texts(texts, environment, lab=settings.lab),
        guarded=settings.approvals.key is not None,
        repository=GitRepository(settings.policy_dir, is_policy_file),
        workers=keystone.concurrency,
        domain=lambda: load_site(settings.policy_dir, lab=settings.lab, environment=settings.environment).domain,
    )


def _limits(settings: "Settings") -> "Thresholds":
    from datetime import timedelta

    from p3idp.core.access.thresholds import Thresholds

    plan = settings.plan
    apart = timedelta(seconds=plan.max_clock_difference_seconds)
    return Thresholds(plan.max_removals, plan.max_removed_percent, apart, frozenset(plan.powerful_roles))


def _people(settings: "Settings", reader: "PeopleReader") -> "PeopleView":
    from p3idp.adapters.regex_worker import RegexWorker
    from p3idp.core.access.people.findings import Bounds
    from p3idp.ops.people import PeopleView
    from p3idp.wiring.logins import wire_logins

    bounds = Bounds(settings.plan.may_lose_everything, settings.plan.may_lose_something)
    return PeopleView(lambda: wire_logins(settings), reader, RegexWorker(), bounds)


def keystone_account(settings: "Settings") -> object:
    """p3idp's own account at Keystone, for keystoneauth."""
    from p3idp.adapters.keystone.session import credential_auth, password_auth

    keystone = settings.keystone
    if keystone.application_credential_id and keystone.application_credential_secret:
        secret = keystone.application_credential_secret.resolve()
        return credential_auth(keystone.auth_url, keystone.application_credential_id, secret)
    if keystone.username is None or keystone.password is None:
        raise ValueError("the settings hold one way in")
    project = {"project_name": keystone.project, "project_domain_name": keystone.project_domain}
    scope = {"system_scope": "all"} if keystone.system_scope else project
    password = keystone.password.resolve()
    return password_auth(keystone.auth_url, keystone.username, keystone.user_domain, password, scope)
