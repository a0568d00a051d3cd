"""Consents to be asked about while away: where they are kept, and how providers are asked."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import database, wire_ledger, wire_lock, wire_policy
from p3idp.wiring.login import trusted_issuers
from p3idp.wiring.logins import wire_remembering

if TYPE_CHECKING:
    from p3idp.core.policy.model import Policy
    from p3idp.ops.consent import ConsentDesk
    from p3idp.ops.login import SignInDesk
    from p3idp.ops.offline import Offline
    from p3idp.ports.logins import Remember
    from p3idp.ports.offline import OfflineStore
    from p3idp.settings import Settings

_SETTING = "offline.key"


def wire_consents(settings: "Settings") -> "OfflineStore | None":
    """The consents of the settings' database; None where the settings name no key."""
    from datetime import timedelta
    from functools import cache

    from p3idp.adapters.seal import FernetSeal, KeyedHash
    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.offline import StoredOffline

    if settings.offline.key is None:
        return None
    keys = settings.offline.key.resolve()
    return StoredOffline(
        open_store(*database(settings)),
        FernetSeal(keys, "consent", _SETTING),
        KeyedHash(keys, "consenting person", _SETTING),
        cache(lambda: wire_lock(settings)),
        timedelta(days=settings.offline.keep_days),
    )


def wire_offline(
    settings: "Settings", policy: "Policy | None" = None, remember: "Remember | None" = None
) -> "Offline | None":
    """Consents, and asking with them; None where the settings name no key. Keep it for the life of the process.

    ``policy``: whose providers are asked, else the one of the settings. ``remember`` hears the fresh claims.
    """
    from functools import cache

    from p3idp.adapters.checkin.refresh import CheckinRefresh
    from p3idp.ops.offline import Offline

    store = wire_consents(settings)
    if store is None:
        return None
    return Offline(
        store,
        CheckinRefresh(trusted_issuers(settings, policy or wire_policy(settings))),
        cache(lambda: wire_ledger(settings)),
        remember or wire_remembering(settings, lambda outcome: None),
    )


def wire_consent_desk(
    settings: "Settings", policy: "Policy", remember: "Remember", desk: "SignInDesk"
) -> "ConsentDesk | None":
    """Where browsers consent, over the neighbours of the sign-in desk; None where the settings name no key."""
    from datetime import timedelta

    from p3idp.ops.consent import ConsentDesk
    from p3idp.wiring.removal import pace_of

    offline = wire_offline(settings, policy, remember)
    if offline is None:
        return None
    return ConsentDesk(
        policy=desk.policy,
        client=desk.client,
        spent=desk.spent,
        offline=offline,
        clock=desk.clock,
        new_token=desk.new_token,
        ask_every=pace_of(settings).kept,
        lasts=timedelta(days=settings.offline.keep_days),
    )
