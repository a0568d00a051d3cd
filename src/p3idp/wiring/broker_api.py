"""What the broker tells command lines: itself, and people's own access."""

import logging
from typing import TYPE_CHECKING

from p3idp.wiring.login import web_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from p3idp.core.exchange.published import CommandLineClient
    from p3idp.core.policy.model import Policy
    from p3idp.ops.exchange import TokenExchange
    from p3idp.ops.own_access import AccessDesk
    from p3idp.settings import Settings


def wire_own_access(exchange: "TokenExchange") -> "AccessDesk":
    """Tells people's programs what they may use, over the very parts of the exchange."""
    from p3idp.ops.own_access import AccessDesk

    return AccessDesk(exchange.policy, exchange.verifier, exchange.keystone, exchange.clock, exchange.remember)


def wire_resource_metadata(settings: "Settings", policy: "Policy") -> "Mapping[str, object]":
    """The broker's RFC 9728 document."""
    from p3idp.core.exchange.published import protected_resource

    base_url, keystone_url = web_settings(settings).base_url, settings.keystone.login_url
    return protected_resource(policy.site, _clients(settings), base_url, keystone_url)


def wire_command_line_client(settings: "Settings", policy: "Policy") -> "CommandLineClient | None":
    """The client that people are told to sign in with, whether or not the policy honours it."""
    from p3idp.core.exchange.published import command_line_client

    return command_line_client(policy.site, _clients(settings))


def check_command_line_client(settings: "Settings", policy: "Policy") -> None:
    """Raises CommandLineClientUnlisted where the policy does not honour that client's tokens."""
    from p3idp.errors.command_line import CommandLineClientUnlisted

    client = wire_command_line_client(settings, policy)
    if client is not None and not client.is_listed:
        raise CommandLineClientUnlisted(client.trouble)


def warn_of_command_line_client(settings: "Settings", policy: "Policy") -> None:
    """The same as a line in the log: pages and exchange work all the same."""
    from p3idp.errors.command_line import CommandLineClientUnlisted

    try:
        check_command_line_client(settings, policy)
    except CommandLineClientUnlisted as exc:
        logging.getLogger(__name__).warning("%s %s", exc.detail, exc.hint)


def _clients(settings: "Settings") -> "Mapping[str, str]":
    named = {provider: ours.command_line_client for provider, ours in settings.providers.items()}
    return {provider: client for provider, client in named.items() if client}
