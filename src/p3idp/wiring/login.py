"""People's tokens: believing them, getting them by a sign-in, and using them at Keystone."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from p3idp.adapters.checkin.verifier import Trusted
    from p3idp.core.policy.model import Policy
    from p3idp.core.secret import Secret
    from p3idp.ports.checkin import AccessTokenVerifier, SignInClient
    from p3idp.ports.keystone import FederatedLogin
    from p3idp.settings import Settings
    from p3idp.settings.servers import ProviderSettings, WebSettings


def wire_federated_login(settings: "Settings") -> "FederatedLogin":
    """Keystone as people use it, with their own tokens."""
    from p3idp.adapters.keystone.login import KeystoneLogin

    keystone = settings.keystone
    return KeystoneLogin(keystone.login_url, keystone.ca_file, keystone.timeout_seconds)


def wire_verifier(settings: "Settings", policy: "Policy") -> "AccessTokenVerifier":
    """Believes or refuses access tokens. Keep it for the life of the process: it holds keys and answers."""
    from p3idp.adapters.checkin.verifier import CheckinVerifier

    return CheckinVerifier(trusted_issuers(settings, policy))


def wire_sign_in(settings: "Settings", policy: "Policy") -> "SignInClient":
    """Signs people in at the providers of the policy. Keep it for the life of the process, as wire_verifier."""
    from p3idp.adapters.checkin.sign_in import CheckinSignIn

    trusted = [each for each in trusted_issuers(settings, policy) if not each.provider.by_keys]
    firsts = {str(each.provider.id): each for each in reversed(trusted)}
    return CheckinSignIn(firsts, web_settings(settings).base_url)


def trusted_issuers(settings: "Settings", policy: "Policy") -> "tuple[Trusted, ...]":
    """All issuers of the policy, with our client at each. Raises SettingsInvalid where the settings lack a provider."""
    import time

    from p3idp.adapters.checkin.transport import Transport
    from p3idp.adapters.checkin.verifier import trust
    from p3idp.settings.servers import ProviderSettings

    found: list[Trusted] = []
    for provider in policy.site.identity_providers:
        ours = settings.providers.get(provider.id) or ProviderSettings()
        client_id, secret = ("", _no_client) if provider.by_keys else _client(provider.id, ours)
        seconds = ours.introspection_cache_seconds
        found += trust(provider, client_id, secret, Transport(ours.ca_file), time.monotonic, seconds)
    return tuple(found)


def _client(provider: str, ours: "ProviderSettings") -> "tuple[str, Callable[[], Secret[str]]]":
    """Our client at a provider that is asked about tokens. Raises SettingsInvalid."""
    from p3idp.errors.settings import SettingsInvalid

    if ours.client_id is None or ours.client_secret is None:
        raise SettingsInvalid(
            f"The policy names the provider {provider}; [providers.{provider}] with client_id and client_secret "
            "is missing."
        )
    return ours.client_id, ours.client_secret.resolve


def _no_client() -> "Secret[str]":
    raise LookupError("a provider that is verified by its keys is asked nothing")


def web_settings(settings: "Settings") -> "WebSettings":
    """The section [web]. Raises SettingsInvalid where it is missing."""
    from p3idp.errors.settings import SettingsInvalid

    if settings.web is None:
        raise SettingsInvalid("The web service needs the section [web] of the settings.")
    return settings.web
