"""Application credentials of people: who reads what they hold, and what is known of them besides."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import keystone_account, wire_ledger, wire_policy
from p3idp.wiring.environment import sleep
from p3idp.wiring.logins import wire_logins
from p3idp.wiring.offline import wire_offline

if TYPE_CHECKING:
    from keystoneauth1.session import Session

    from p3idp.ops.credential_notices import CredentialNotices
    from p3idp.ops.credentials import CredentialWatch
    from p3idp.ports.holdings import HoldingsReader
    from p3idp.settings import Settings


def wire_holdings(settings: "Settings") -> "HoldingsReader":
    """What users hold at Keystone, asked with p3idp's own account. One a run: it keeps names."""
    from p3idp.adapters.keystone.holdings import KeystoneHoldings
    from p3idp.adapters.keystone.persistence import Persistence

    return KeystoneHoldings(_session(settings), settings.keystone.auth_url, Persistence(sleep))


def wire_credentials(settings: "Settings") -> "CredentialWatch":
    """Looks after application credentials: Keystone's users, what they hold, remembered logins and consents."""
    from functools import cache, partial

    from p3idp.adapters.keystone.holdings import KeystoneHoldings
    from p3idp.adapters.keystone.people import people_alone
    from p3idp.adapters.keystone.persistence import Persistence
    from p3idp.ops.credentials import CredentialWatch

    place = _session(settings), settings.keystone.auth_url, Persistence(sleep)
    return CredentialWatch(
        policy=cache(lambda: wire_policy(settings)),
        users=partial(people_alone, *place),
        reader=KeystoneHoldings(*place),
        logins=lambda: wire_logins(settings),
        consents=lambda: wire_offline(settings),
    )


def _session(settings: "Settings") -> "Session":
    from p3idp.adapters.keystone.session import make_session

    keystone = settings.keystone
    return make_session(keystone_account(settings), keystone.ca_file, keystone.timeout_seconds)


def wire_credential_notices(settings: "Settings") -> "CredentialNotices":
    """Tells owners, and keeps in the ledger what was told."""
    from functools import cache

    from p3idp.core.keystone_url import v3_url
    from p3idp.ops.credential_notices import CredentialNotices

    page = f"{settings.web.base_url}/access" if settings.web else ""
    return CredentialNotices(cache(lambda: wire_ledger(settings)), v3_url(settings.keystone.auth_url), page)
