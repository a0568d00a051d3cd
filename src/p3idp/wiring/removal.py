"""Removal in bounded time: who reads, asks and acts."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import database, keystone_account, wire_access, wire_lock
from p3idp.wiring.environment import now, sleep

if TYPE_CHECKING:
    from p3idp.core.removal.bounds import Pace
    from p3idp.ops.recheck import Recheck
    from p3idp.ops.removal import RemovalOps
    from p3idp.ports.offline import OfflineReader
    from p3idp.ports.removal import RecheckMemory
    from p3idp.settings import Settings


def pace_of(settings: "Settings") -> "Pace":
    """The bound that the settings want, and how often a recheck runs."""
    from datetime import timedelta

    from p3idp.core.removal.bounds import Pace

    removal, cached = settings.removal, settings.site.introspection_interval_seconds
    every = timedelta(minutes=removal.every_minutes)
    return Pace(timedelta(minutes=removal.within_minutes), every, timedelta(seconds=cached))


def wire_rechecks(settings: "Settings") -> "RecheckMemory | None":
    """When people were asked about; None where the settings keep no consents."""
    from p3idp.adapters.seal import KeyedHash
    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.rechecks import StoredRechecks
    from p3idp.core.keystone_url import v3_url

    if settings.offline.key is None:
        return None
    names = KeyedHash(settings.offline.key.resolve(), "rechecked person", "offline.key")
    return StoredRechecks(open_store(*database(settings)), names, v3_url(settings.keystone.auth_url))


def wire_removal(settings: "Settings") -> "RemovalOps":
    """Who loses or regains access, and doing it: the policy, p3idp's account at Keystone, logins, consents, ledger."""
    from functools import cache

    from p3idp.adapters.keystone.holdings import KeystoneHoldings
    from p3idp.adapters.keystone.persistence import Persistence
    from p3idp.adapters.keystone.session import make_session
    from p3idp.adapters.keystone.users import KeystoneUsers
    from p3idp.adapters.regex_worker import RegexWorker
    from p3idp.core.removal.findings import Limits
    from p3idp.ops.removal import RemovalOps
    from p3idp.wiring.login import wire_federated_login
    from p3idp.wiring.logins import wire_logins
    from p3idp.wiring.offline import wire_offline

    keystone, persistently = settings.keystone, Persistence(sleep)
    session = make_session(keystone_account(settings), keystone.ca_file, keystone.timeout_seconds)
    access = wire_access(settings)
    assert access.people is not None
    policy = cache(access.policy)  # one a run: who is judged and who is asked must not differ

    def consents() -> "OfflineReader | None":
        offline = wire_offline(settings, policy())
        return offline.store if offline else None

    return RemovalOps(
        policy=policy,
        reader=access.reader,
        people=access.people.reader,
        holdings=KeystoneHoldings(session, keystone.auth_url, persistently),
        switch=KeystoneUsers(session, keystone.auth_url, persistently),
        keystone=wire_federated_login(settings),
        account=access.writer.account,
        logins=cache(lambda: wire_logins(settings)),
        consents=cache(consents),
        ledger=cache(access.ledger),
        lock=lambda: wire_lock(settings),
        search=RegexWorker(),
        clock=now,
        clients={name: each.client_id for name, each in settings.providers.items() if each.client_id},
        pace=pace_of(settings),
        limits=Limits(settings.removal.max_leavers, settings.removal.max_leavers_percent),
    )


def wire_recheck(settings: "Settings") -> "Recheck":
    """Ask providers about people who consented, and act on what they say."""
    from functools import cache

    from p3idp.ops.recheck import Recheck
    from p3idp.wiring.offline import wire_offline

    removal = wire_removal(settings)
    return Recheck(
        removal=removal,
        offline=cache(lambda: wire_offline(settings, removal.policy())),
        memory=cache(lambda: wire_rechecks(settings)),
        at_once=settings.removal.at_once,
    )
