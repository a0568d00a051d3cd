"""Where adapters meet ops. Owns the composition, and is the source of clock and ids; holds no rule.

Every function imports what it wires when it is called, so that one subject never loads another's libraries.
"""

import secrets
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from p3idp.adapters.checkin.verifier import Trusted
    from p3idp.core.policy.model import Policy
    from p3idp.ops.access import AccessOps
    from p3idp.ops.doctor import Doctor
    from p3idp.ops.exchange import TokenExchange
    from p3idp.ops.health import Readiness
    from p3idp.ops.login import SignInDesk
    from p3idp.ops.site_config import SiteConfig
    from p3idp.ports.checkin import AccessTokenVerifier, SignInClient
    from p3idp.ports.keystone import FederatedLogin
    from p3idp.ports.ledger import Ledger
    from p3idp.ports.regex import Search
    from p3idp.ports.sessions import Seal
    from p3idp.settings import Settings
    from p3idp.settings.model import WebSettings


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
    from p3idp.adapters.policy_files import load_policy

    return load_policy(settings.policy_dir, lab=settings.lab)


def wire_exchange(settings: "Settings", policy: "Policy | None" = None) -> "TokenExchange":
    """The token endpoint's work; the policy is read where it is not handed in. Keep it for the life of the process."""
    from p3idp.adapters.keystone.person_http import v3_url
    from p3idp.ops.exchange import TokenExchange

    known = policy or wire_policy(settings)
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


def new_request_id() -> str:
    """An id in the form that OpenStack services hand on to one another."""
    return f"req-{uuid.uuid4()}"


def templates_directory(subject: str) -> "Path":
    """Where the templates of a door are."""
    from p3idp.adapters.templates import templates_directory as find

    return find(subject)


def web_settings(settings: "Settings") -> "WebSettings":
    """The section [web]. Raises SettingsInvalid where it is missing."""
    from p3idp.errors.settings import SettingsInvalid

    if settings.web is None:
        raise SettingsInvalid("The web service needs the section [web] of the settings.")
    return settings.web


def wire_logs(settings: "Settings") -> None:
    """Send this process's logs to standard error as JSON; the secrets of the settings are known to the redaction."""
    from p3idp.adapters.logs import configure_logs
    from p3idp.settings.secret_ref import known_secrets

    configure_logs(settings.log.level, known_secrets(settings))


def wire_attempt_seal(settings: "Settings") -> "Seal":
    """Seals what browsers carry while they sign in."""
    from p3idp.adapters.seal import FernetSeal

    return FernetSeal(web_settings(settings).cookie_key.resolve(), "sign-in attempt")


def wire_sign_in_desk(settings: "Settings") -> "SignInDesk":
    """Signs browsers in and out, over the database of the settings. Keep it for the life of the process."""
    from datetime import timedelta

    from p3idp.adapters.seal import FernetSeal
    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.sessions import DatabaseSessions, DatabaseSpentAttempts
    from p3idp.core.login.session import SessionLimits
    from p3idp.ops.login import SignInDesk

    web, policy = web_settings(settings), wire_policy(settings)
    engine = open_store(settings.store.url, settings.store.password.resolve() if settings.store.password else None)
    return SignInDesk(
        policy=lambda: policy,
        client=wire_sign_in(settings, policy),
        keystone=wire_federated_login(settings),
        sessions=DatabaseSessions(engine, FernetSeal(web.cookie_key.resolve(), "session")),
        spent=DatabaseSpentAttempts(engine),
        ledger=wire_ledger(settings),
        limits=SessionLimits(timedelta(minutes=web.session_idle_minutes), timedelta(hours=web.session_max_hours)),
        clock=now,
        new_token=new_token,
    )


def check_web_parts(settings: "Settings") -> None:
    """Find what would keep the web service from working before it forks, and bring the database up to date."""
    from p3idp.adapters.store.engine import open_store

    wire_sign_in(settings, wire_policy(settings))
    wire_attempt_seal(settings)
    open_store(settings.store.url, settings.store.password.resolve() if settings.store.password else None).dispose()


def wire_readiness(settings: "Settings") -> "Readiness":
    """What the web service leans on, each part with its check."""
    from p3idp.adapters.keystone.person_http import PersonalHttp, v3_url
    from p3idp.adapters.store.engine import check_store, make_engine
    from p3idp.errors.policy import PolicyChanged
    from p3idp.ops.health import Part, Readiness

    engine = make_engine(settings.store.url, settings.store.password.resolve() if settings.store.password else None)
    keystone, policy = settings.keystone, wire_policy(settings)
    http = PersonalHttp(keystone.ca_file, min(keystone.timeout_seconds, 5.0))

    def policy_is_as_read() -> None:
        if wire_policy(settings).digest != policy.digest:
            raise PolicyChanged("The policy directory is newer than the policy this process answers from.")

    parts = [
        Part("database", lambda: check_store(engine), True, "Nobody can sign in or stay signed in."),
        Part("policy", policy_is_as_read, False, "Pages show the policy as read when the service started."),
        Part("keystone", lambda: http.send("GET", v3_url(keystone.login_url)), False, "The second column is empty."),
    ]
    for trusted in _trusted(settings, policy):
        name = f"provider {trusted.provider.id}: {trusted.issuer.url}"
        parts.append(Part(name, trusted.issuer.check_known, False, "People of this provider cannot sign in."))
    return Readiness(parts, now)


def wire_access(settings: "Settings") -> "AccessOps":
    """Plan and apply: the policy, p3idp's account at Keystone, and the ledger."""
    from p3idp.adapters.keystone.federation import KeystoneFederation
    from p3idp.adapters.keystone.session import make_session
    from p3idp.ops.access import AccessOps

    keystone = settings.keystone
    session = make_session(_keystone_account(settings), keystone.ca_file, keystone.timeout_seconds)
    federation = KeystoneFederation(session, keystone.auth_url)
    return AccessOps(lambda: wire_policy(settings), federation, federation, lambda: wire_ledger(settings), now)


def _keystone_account(settings: "Settings") -> object:
    from p3idp.adapters.keystone.session import credential_auth, password_auth

    keystone = settings.keystone
    if keystone.application_credential_id and keystone.application_credential_secret:
        secret = keystone.application_credential_secret.resolve()
        return credential_auth(keystone.auth_url, keystone.application_credential_id, secret)
    if keystone.username is None or keystone.password is None:
        raise ValueError("the settings hold one way in")
    project = {"project_name": keystone.project, "project_domain_name": keystone.project_domain}
    scope = {"system_scope": "all"} if keystone.system_scope else project
    password = keystone.password.resolve()
    return password_auth(keystone.auth_url, keystone.username, keystone.user_domain, password, scope)


def wire_doctor(settings: "Settings", apache_config: str | None, keystone_config: "tuple[str, ...]") -> "Doctor":
    """The chain of the settings' site; the files are the generated ones where none are named."""
    from p3idp.adapters.apache.installed import InstalledApache
    from p3idp.adapters.probe import HttpProbe
    from p3idp.adapters.site_files import LocalFiles
    from p3idp.ops.doctor import Doctor
    from p3idp.ops.doctor_apache import ApacheLinks
    from p3idp.ops.doctor_files import FileLinks
    from p3idp.ops.doctor_provider import ProviderLink
    from p3idp.ops.doctor_token import TokenLinks
    from p3idp.ops.site_facts import clients_at, dashboards, generated_files, introspection_url

    policy = wire_policy(settings)
    keystone, own = settings.keystone, {p.id: settings.providers.get(p.id) for p in policy.site.identity_providers}
    trusted = dashboards(settings)
    files = LocalFiles()
    generated = generated_files(settings, lambda path: files.read(path) is not None)
    return Doctor(
        policy=policy,
        providers=tuple(
            ProviderLink(provider, HttpProbe(ours.ca_file), introspection_url(provider, ours), clients_at(ours))
            for provider in policy.site.identity_providers
            if (ours := own[provider.id]) is not None
        ),
        reader=lambda: wire_access(settings).reader,
        apache=ApacheLinks(
            probe=HttpProbe(keystone.ca_file, keystone.timeout_seconds),
            public_url=keystone.login_url,
            admin_url=keystone.auth_url,
            dashboard=trusted[0] if trusted else "https://dashboard.invalid/auth/websso/",
            clients={str(id): ours.keystone_client_id for id, ours in own.items() if ours and ours.keystone_client_id},
        ),
        files=FileLinks(
            files, InstalledApache(), apache_config or generated[0], keystone_config or generated[1], trusted
        ),
        token=TokenLinks(lambda: wire_verifier(settings, policy), lambda: wire_federated_login(settings)),
        clock=now,
    )


def wire_search() -> "Search":
    """Where patterns run that no check could prove harmless."""
    from p3idp.adapters.regex_worker import RegexWorker

    return RegexWorker()
