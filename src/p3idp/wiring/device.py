"""Signing in on another device, at the broker."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import database
from p3idp.wiring.environment import monotonic, new_token, now
from p3idp.wiring.login import web_settings

if TYPE_CHECKING:
    from p3idp.adapters.checkin.device import CheckinDevice
    from p3idp.core.policy.model import Policy, ProviderId
    from p3idp.ops.device import DeviceDesk
    from p3idp.ops.device_token import DeviceTokens
    from p3idp.ops.exchange import TokenExchange
    from p3idp.ports.limits import Limiter
    from p3idp.settings import Settings


def wire_device_sign_in(
    settings: "Settings", policy: "Policy", exchange: "TokenExchange", limiter: "Limiter"
) -> "tuple[DeviceDesk, DeviceTokens] | None":
    """Where devices begin and where they poll, over parts of the exchange; None where no provider has a client for it.

    Keep both for the life of the process.
    """
    from p3idp.adapters.seal import FernetSeal
    from p3idp.adapters.store.devices import StoredDevices
    from p3idp.adapters.store.engine import open_store
    from p3idp.ops.device import DeviceDesk, TotalsAlone
    from p3idp.ops.device_token import DeviceTokens
    from p3idp.ops.token_limits import LimitedVerifier

    clients = _clients(settings, policy)
    if not clients:
        return None
    provider = _provider(settings, policy, clients)
    if settings.limits.address_per_minute == 0:
        limiter = TotalsAlone(limiter)
    seal = FernetSeal(web_settings(settings).cookie_key.resolve(), "device sign-in")
    devices = StoredDevices(open_store(*database(settings)), seal)
    # These tokens come from the provider, at a pace of its own, and whose polls these are was counted already.
    verifier = exchange.verifier.inner if isinstance(exchange.verifier, LimitedVerifier) else exchange.verifier
    return (
        DeviceDesk(exchange.policy, clients, devices, provider, limiter, now, new_token),
        DeviceTokens(
            policy=exchange.policy,
            clients=clients,
            devices=devices,
            provider=provider,
            verifier=verifier,
            keystone=exchange.keystone,
            ledger=exchange.ledger,
            limiter=limiter,
            clock=now,
            remember=exchange.remember,
        ),
    )


def _clients(settings: "Settings", policy: "Policy") -> "dict[ProviderId, str]":
    named = {each.id: settings.providers.get(each.id) for each in policy.site.sign_ins}
    return {name: ours.command_line_client for name, ours in named.items() if ours and ours.command_line_client}


def _provider(settings: "Settings", policy: "Policy", clients: "dict[ProviderId, str]") -> "CheckinDevice":
    """The first issuer of each provider, reached as the public client."""
    from p3idp.adapters.checkin.device import CheckinDevice, PublicClient
    from p3idp.adapters.checkin.provider import Issuer
    from p3idp.adapters.checkin.transport import Transport
    from p3idp.core.secret import Secret

    found = {}
    for name, client in clients.items():
        transport = Transport(settings.providers[name].ca_file)
        issuer = Issuer(policy.site.provider(name).issuers[0], client, lambda: Secret(""), transport, monotonic)
        found[name] = PublicClient(issuer, transport, client)
    return CheckinDevice(found)
