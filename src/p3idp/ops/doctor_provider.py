"""Ask an identity provider what it publishes, and about a token that never was. Owns the questions."""

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from p3idp.core.login.metadata import origin_of
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.secret import Secret
from p3idp.core.site.chain_apache import Answer
from p3idp.core.site.chain_provider import (
    judge_clock,
    judge_discovery,
    judge_introspection,
    judge_introspection_address,
    judge_keys,
)
from p3idp.core.site.findings import Finding, fail, ok, skipped
from p3idp.errors import P3idpError
from p3idp.errors.site import CertificateUntrusted
from p3idp.ports.environment import Clock
from p3idp.ports.site import Probe

_NO_TOKEN = "p3idp-doctor-no-such-token"  # noqa: S105 - meant to be unknown everywhere


@dataclass(frozen=True, slots=True)
class ProviderLink:
    """One provider, and our clients there: id and a way to its secret (read only when it is needed)."""

    provider: IdentityProvider
    probe: Probe
    introspection_url: str
    clients: tuple[tuple[str, Callable[[], Secret[str]]], ...]


def examine_provider(link: ProviderLink, clock: Clock, endpoints: MutableMapping[str, str]) -> Iterator[Finding]:
    """All checks of one provider; ``endpoints`` learns its authorization endpoint."""
    for number, issuer in enumerate(link.provider.issuers):
        document = None
        for finding, found in _discovery(link, issuer, clock):
            document = found or document
            yield finding
        if document is None:
            continue
        yield from judge_discovery(link.provider, issuer, document)
        if number == 0:
            endpoints[link.provider.id] = str(document.get("authorization_endpoint", ""))
            yield from _first_issuer(link, document)


def _discovery(link: ProviderLink, issuer: str, clock: Clock) -> Iterator[tuple[Finding, Mapping[str, object] | None]]:
    subject = f"{link.provider.id} ({issuer})"
    url = f"{issuer}/.well-known/openid-configuration"
    if not url.startswith("https://"):
        yield fail("provider-endpoints", subject, f"The issuer {issuer} is not https."), None
        return
    try:
        answer, offset = timed(link.probe, url, clock)
    except CertificateUntrusted as error:
        yield fail("provider-certificate", subject, error.detail), None
        return
    except P3idpError as error:
        yield fail("provider-reachable", subject, error.detail, unreachable=True), None
        return
    yield ok("provider-certificate", subject, "The certificate is trusted."), None
    document = json_object(answer)
    if answer.status != 200 or document is None:
        found = f"{url} answers {answer.status}, and not with a JSON object."
        yield fail("provider-reachable", subject, found, unreachable=True), None
        return
    yield ok("provider-reachable", subject, "The provider publishes its configuration."), document
    yield judge_clock(subject, offset), None


def _first_issuer(link: ProviderLink, document: Mapping[str, object]) -> Iterator[Finding]:
    try:
        keys = json_object(link.probe.ask("GET", str(document.get("jwks_uri", ""))))
        yield judge_keys(link.provider, keys or {})
    except P3idpError as error:
        yield fail("signing-keys", link.provider.id, error.detail, unreachable=True)
    if link.provider.by_keys:
        return
    yield judge_introspection_address(link.provider, link.introspection_url, document)
    for client_id, secret in link.clients:
        yield _introspection(link, str(document.get("introspection_endpoint", "")), client_id, secret)


def _introspection(link: ProviderLink, url: str, client_id: str, secret: Callable[[], Secret[str]]) -> Finding:
    subject = f"{link.provider.id}, client {client_id}"
    if origin_of(url) is None or origin_of(url) != origin_of(link.provider.issuers[0]):
        return skipped(
            "introspection-client", subject, "The endpoint is not on the issuer's host: no secret goes there."
        )
    try:
        answer = link.probe.ask("POST", url, form={"token": _NO_TOKEN}, client=(client_id, secret()))
    except P3idpError as error:
        return fail("introspection-client", subject, error.detail, unreachable=error.temporary)
    return judge_introspection(link.provider, client_id, answer.status, json_object(answer))


def timed(probe: Probe, url: str, clock: Clock) -> tuple[Answer, timedelta | None]:
    """Ask, and compare the answer's Date (whole seconds, RFC 9110 section 6.6.1) with the middle of the wait."""
    before = clock()
    answer = probe.ask("GET", url)
    middle = before + (clock() - before) / 2
    try:
        said = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return answer, None
    return answer, _aware(said, middle) + timedelta(seconds=0.5) - middle


def _aware(said: datetime, like: datetime) -> datetime:
    return said if said.tzinfo else said.replace(tzinfo=like.tzinfo)


def json_object(answer: Answer) -> Mapping[str, object] | None:
    """The body as a JSON object, else None."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
