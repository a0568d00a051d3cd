"""What is remembered of logins: where it is kept, and with which keys."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import database

if TYPE_CHECKING:
    from collections.abc import Callable

    from p3idp.ports.logins import LoginStore, Remember
    from p3idp.settings import Settings

_SETTING = "logins.key"


def wire_logins(settings: "Settings") -> "LoginStore | None":
    """The remembered logins of the settings' database; None where the settings name no key."""
    from datetime import timedelta

    from p3idp.adapters.seal import FernetSeal, KeyedHash
    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.logins import StoredLogins

    if settings.logins.key is None:
        return None
    keys = settings.logins.key.resolve()
    return StoredLogins(
        open_store(*database(settings)),
        FernetSeal(keys, "remembered login", _SETTING),
        KeyedHash(keys, "remembered person", _SETTING),
        timedelta(days=settings.logins.keep_days),
    )


def wire_remembering(settings: "Settings", count: "Callable[[str], None]") -> "Remember":
    """Remembers every login it is told of, as far as the settings say; ``count`` hears ``kept`` or ``failed``."""
    from p3idp.ops.logins import Remembering, remember_nothing

    store = wire_logins(settings)
    return Remembering(store, count) if store else remember_nothing
