"""Sign in on another device by way of the broker (RFC 8628). Owns what the broker is told, and when this is the way."""

import platform
from collections.abc import Callable

from p3idp import __version__
from p3idp.client.broker import BrokerProvider, look_up_broker, said_by_broker
from p3idp.client.clouds import Cloud
from p3idp.client.flows.device import DeviceCode, Patience, by_device
from p3idp.client.identity import Identity
from p3idp.errors.sign_in import ClientConfigInvalid

_PATIENT = Patience()


def by_broker(
    cloud: Cloud, found: BrokerProvider, show: Callable[[DeviceCode], None], patience: Patience = _PATIENT
) -> Identity:
    """Show the broker's code, and ask it until somebody agreed elsewhere. Raises as by_device, and SignInNeeded."""
    # The broker shows this to the person, who knows where they typed the command.
    agent = f"p3idp/{__version__} on {platform.node() or 'some machine'}"
    return by_device(found, cloud.scopes, show, patience, agent=agent, said=said_by_broker)


def broker_of(cloud: Cloud) -> BrokerProvider:
    """The broker that was asked for by name. Raises ClientConfigInvalid where it does not sign people in so."""
    found = look_up_broker(cloud)
    if found is None:
        told = f"{cloud.broker} does not sign people in on other devices." if cloud.broker else "It has no broker."
        hint = "Use --flow device: then the identity provider is asked itself."
        raise ClientConfigInvalid(f"The cloud {cloud.name} cannot use --flow broker. {told}", hint=hint)
    return found
