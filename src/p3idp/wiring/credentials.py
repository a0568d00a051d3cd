"""Application credentials of people: who reads what they hold."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import keystone_account
from p3idp.wiring.environment import sleep

if TYPE_CHECKING:
    from p3idp.ports.holdings import HoldingsReader
    from p3idp.settings import Settings


def wire_holdings(settings: "Settings") -> "HoldingsReader":
    """What users hold at Keystone, asked with p3idp's own account. One a run: it keeps names."""
    from p3idp.adapters.keystone.holdings import KeystoneHoldings
    from p3idp.adapters.keystone.persistence import Persistence
    from p3idp.adapters.keystone.session import make_session

    keystone = settings.keystone
    session = make_session(keystone_account(settings), keystone.ca_file, keystone.timeout_seconds)
    return KeystoneHoldings(session, keystone.auth_url, Persistence(sleep))
