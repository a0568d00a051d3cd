"""What the web service is made of. Its parts are kept for the life of a process, and share one policy."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import database, wire_ledger, wire_policy
from p3idp.wiring.broker_api import check_command_line_client, warn_of_command_line_client
from p3idp.wiring.environment import new_token, now
from p3idp.wiring.limits import wire_limiter
from p3idp.wiring.login import trusted_issuers, web_settings, wire_federated_login, wire_sign_in, wire_verifier
from p3idp.wiring.logins import wire_logins
from p3idp.wiring.offline import wire_consents

if TYPE_CHECKING:
    from pathlib import Path

    from p3idp.core.policy.model import Policy
    from p3idp.ops.exchange import TokenExchange
    from p3idp.ops.health import Readiness
    from p3idp.ops.login import SignInDesk
    from p3idp.ports.checkin import AccessTokenVerifier
    from p3idp.ports.logins import Remember
    from p3idp.ports.sessions import Seal
    from p3idp.settings import Settings


def templates_directory(subject: str) -> "Path":
    """Where the templates of a door are."""
    from p3idp.adapters.templates import templates_directory as find

    return find(subject)


def wire_logs(settings: "Settings") -> None:
    """Send this process's logs to standard error as JSON; the secrets of the settings are known to the redaction."""
    from p3idp.adapters.logs import configure_logs
    from p3idp.settings.secret_ref import known_secrets

    configure_logs(settings.log.level, known_secrets(settings))


def wire_attempt_seal(settings: "Settings") -> "Seal":
    """Seals what browsers carry while they sign in."""
    from p3idp.adapters.seal import FernetSeal

    return FernetSeal(web_settings(settings).cookie_key.resolve(), "sign-in attempt")


def wire_sign_in_desk(settings: "Settings", policy: "Policy", remember: "Remember") -> "SignInDesk":
    """Signs browsers in and out, over the database of the settings. Keep it for the life of the process."""
    from datetime import timedelta

    from p3idp.adapters.seal import FernetSeal
    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.sessions import DatabaseSessions, DatabaseSpentAttempts
    from p3idp.core.login.session import SessionLimits
    from p3idp.ops.login import SignInDesk

    web = web_settings(settings)
    engine = open_store(*database(settings))
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
        remember=remember,
    )


def wire_exchange(
    settings: "Settings", policy: "Policy", remember: "Remember", verifier: "AccessTokenVerifier | None" = None
) -> "TokenExchange":
    """The token endpoint's work. Keep it for the life of the process. ``verifier``: one that also counts."""
    from p3idp.core.keystone_url import v3_url
    from p3idp.ops.exchange import TokenExchange

    elsewhere = [p.keystone_url for p in policy.site.identity_providers if p.keystone_url]
    urls = [v3_url(url) for url in (settings.keystone.login_url, settings.keystone.auth_url, *elsewhere)]
    return TokenExchange(
        policy=lambda: policy,
        keystone_urls=tuple(dict.fromkeys(urls)),
        verifier=verifier or wire_verifier(settings, policy),
        keystone=wire_federated_login(settings),
        ledger=wire_ledger(settings),
        clock=now,
        new_token=new_token,
        remember=remember,
    )


def wire_readiness(settings: "Settings", policy: "Policy") -> "Readiness":
    """What the web service leans on, each part with its check."""
    from p3idp.adapters.keystone.person_http import PersonalHttp
    from p3idp.adapters.store.engine import check_store, make_engine
    from p3idp.core.keystone_url import v3_url
    from p3idp.errors.policy import PolicyChanged
    from p3idp.ops.health import Part, Readiness

    engine = make_engine(*database(settings))
    keystone = settings.keystone
    http = PersonalHttp(keystone.ca_file, min(keystone.timeout_seconds, 5.0))

    def policy_is_as_read() -> None:
        if wire_policy(settings).digest != policy.digest:
            raise PolicyChanged("The policy directory is newer than the policy this process answers from.")

    def client_is_listed() -> None:
        check_command_line_client(settings, policy)

    parts = [
        Part("database", lambda: check_store(engine), True, "Nobody can sign in or stay signed in."),
        Part("policy", policy_is_as_read, False, "Pages show the policy as read when the service started."),
        Part(
            "command-line client", client_is_listed, False, "`p3idp login --broker` learns no client to sign in with."
        ),
        Part("keystone", lambda: http.send("GET", v3_url(keystone.login_url)), False, "The second column is empty."),
    ]
    for trusted in trusted_issuers(settings, policy):
        name = f"provider {trusted.provider.id}: {trusted.issuer.url}"
        parts.append(Part(name, trusted.issuer.check_known, False, "People of this provider cannot sign in."))
    return Readiness(parts, now)


def check_web_parts(settings: "Settings") -> None:
    """Find what would keep the web service from working before it forks, and bring the database up to date."""
    from p3idp.adapters.store.engine import open_store

    policy = wire_policy(settings)
    wire_sign_in(settings, policy)
    warn_of_command_line_client(settings, policy)
    wire_attempt_seal(settings)
    wire_logins(settings)
    wire_consents(settings)
    wire_limiter(settings)
    open_store(*database(settings)).dispose()
