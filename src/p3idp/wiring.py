"""Where adapters meet ops. Owns the composition, and is the source of clock and ids; holds no rule.

Every function imports what it wires when it is called, so that one subject never loads another's libraries.
"""

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3idp.adapters.checkin.verifier import Trusted
    from p3idp.core.policy.model import Policy
    from p3idp.ops.exchange import TokenExchange
    from p3idp.ops.site_config import SiteConfig
    from p3idp.ports.checkin import AccessTokenVerifier, SignInClient
    from p3idp.ports.keystone import FederatedLogin
    from p3idp.ports.ledger import Ledger
    from p3idp.settings import Settings


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def new_token() -> str:
    """Unguessable URL-safe text of 256 bits."""
    return secrets.token_urlsafe(32)


def wire_federated_login(settings: "Settings") -> "FederatedLogin":
    """Keystone as people use it, with their own tokens."""
    from p3idp.adapters.keystone.login import KeystoneLogin

    keystone = settings.keystone
    return KeystoneLogin(keystone.login_url, keystone.ca_file, keystone.timeout_seconds)


def wire_ledger(settings: "Settings") -> "Ledger":
    """The ledger of the database in the settings, written to in the name of this host. Raises LedgerUnavailable."""
    import socket

    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.ledger import StoredLedger

    password = settings.store.password.resolve() if settings.store.password else None
    return StoredLedger(open_store(settings.store.url, password), socket.gethostname())


def wire_site_config(settings: "Settings", policy: "Policy | None" = None) -> "SiteConfig":
    """The generated configuration of Apache, Keystone and Horizon; the policy is read where it is not handed in."""
    from p3idp.adapters.apache.installed import InstalledApache
    from p3idp.adapters.config_directory import FileDirectory
    from p3idp.adapters.policy_files.load import PolicyDirectory
    from p3idp.adapters.templates import JinjaRenderer
    from p3idp.ops.site_config import SiteConfig
    from p3idp.ops.site_facts import site_facts

    policy = policy or PolicyDirectory(settings.policy_dir, settings.lab).load()
    return SiteConfig(policy, site_facts(policy, settings), JinjaRenderer(), InstalledApache(), FileDirectory)


def wire_verifier(settings: "Settings", policy: "Policy") -> "AccessTokenVerifier":
    """Believes or refuses access tokens. Keep it for the life of the process: it holds keys and answers."""
    from p3idp.adapters.checkin.verifier import CheckinVerifier

    return CheckinVerifier(_trusted(settings, policy))


def wire_sign_in(settings: "Settings", policy: "Policy") -> "SignInClient":
    """Signs people in at the providers of the policy. Keep it for the life of the process, as wire_verifier."""
    from p3idp.adapters.checkin.sign_in import CheckinSignIn
    from p3idp.errors.settings import SettingsInvalid

    if settings.web is None:
        raise SettingsInvalid("Signing in needs the section [web] of the settings.")
    firsts = {str(each.provider.id): each for each in reversed(_trusted(settings, policy))}
    return CheckinSignIn(firsts, settings.web.base_url)


def _trusted(settings: "Settings", policy: "Policy") -> "tuple[Trusted, ...]":
    import time

    from p3idp.adapters.checkin.transport import Transport
    from p3idp.adapters.checkin.verifier import trust
    from p3idp.errors.settings import SettingsInvalid

    found: list[Trusted] = []
    for provider in policy.site.identity_providers:
        ours = settings.providers.get(provider.id)
        if ours is None:
            raise SettingsInvalid(f"The policy names the provider {provider.id}; [providers.{provider.id}] is missing.")
        transport = Transport(ours.ca_file)
        seconds = ours.introspection_cache_seconds
        found += trust(provider, ours.client_id, ours.client_secret.resolve, transport, time.monotonic, seconds)
    return tuple(found)


def wire_policy(settings: "Settings") -> "Policy":
    """The policy directory of the settings, read anew. Raises PolicyInvalid with every mistake of every file."""
    from p3idp.adapters.policy_files.load import PolicyDirectory

    return load_policy(settings.policy_dir, lab=settings.lab)


def wire_exchange(settings: "Settings", policy: "Policy | None" = None) -> "TokenExchange":
    """The token endpoint's work; the policy is read where it is not handed in. Keep it for the life of the process."""
    from p3idp.adapters.keystone.person_http import v3_url
    from p3idp.adapters.policy_files.load import PolicyDirectory
    from p3idp.ops.exchange import TokenExchange

    known = policy or load_policy(settings.policy_dir)
    elsewhere = [p.keystone_url for p in known.site.identity_providers if p.keystone_url]
    urls = [v3_url(url) for url in (settings.keystone.login_url, settings.keystone.auth_url, *elsewhere)]
    return TokenExchange(
        policy=lambda: known,
        keystone_urls=tuple(dict.fromkeys(urls)),
        verifier=wire_verifier(settings, known),
        keystone=wire_federated_login(settings),
        ledger=wire_ledger(settings),
        clock=now,
        new_token=new_token,
    )
