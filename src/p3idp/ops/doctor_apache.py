"""Ask Keystone's front door without a token, as a stranger would. Owns the questions."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from p3idp.core.keystone_url import v3_url
from p3idp.core.policy.model import IdentityProvider, Policy
from p3idp.core.site.chain_apache import (
    FORGED,
    Answer,
    judge_bearer,
    judge_bypass,
    judge_forged,
    judge_long_header,
    judge_options,
    judge_websso,
)
from p3idp.core.site.chain_provider import judge_clock
from p3idp.core.site.findings import Finding, fail, ok, skipped
from p3idp.errors import P3idpError
from p3idp.errors.site import CertificateUntrusted
from p3idp.ops.doctor_provider import json_object, timed
from p3idp.ports.environment import Clock
from p3idp.ports.site import Probe

# 60 entitlements of a real length, and a token to go with them.
_LONG = 16_000


@dataclass(frozen=True, slots=True)
class ApacheLinks:
    """Keystone's addresses, with ``/v3``: the public one, and the one that p3idp administers through.

    ``clients``: Apache's client id at each provider, where the settings say it.
    """

    probe: Probe
    public_url: str
    admin_url: str
    dashboard: str
    clients: Mapping[str, str]


def examine_apache(policy: Policy, links: ApacheLinks, clock: Clock, endpoints: Mapping[str, str]) -> Iterator[Finding]:
    """Every address of Keystone that the policy names, then each provider's two ways in."""
    reached: dict[str, bool] = {}
    for url in dict.fromkeys(_address(links, p) for p in policy.site.identity_providers):
        for finding, is_there in _keystone(links, url, clock):
            reached[url] = is_there
            yield finding
    for provider in policy.site.identity_providers:
        url = _address(links, provider)
        if not reached.get(url):
            yield skipped("bearer-path", provider.id, "Keystone does not answer there; see above.")
            continue
        yield from _guarded("bearer-path", provider, partial(_bearer, links, provider, url))
        if not provider.by_keys:
            yield from _guarded("websso-redirect", provider, partial(_websso, links, provider, url, endpoints))


def _address(links: ApacheLinks, provider: IdentityProvider) -> str:
    return v3_url(provider.keystone_url or links.public_url)


def _guarded(check: str, provider: IdentityProvider, ask: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from ask()
    except P3idpError as error:
        yield fail(check, provider.id, error.detail, unreachable=True)


def _keystone(links: ApacheLinks, url: str, clock: Clock) -> Iterator[tuple[Finding, bool]]:
    try:
        answer, offset = timed(links.probe, f"{url}/", clock)
    except CertificateUntrusted as error:
        yield fail("keystone-certificate", url, error.detail), False
        return
    except P3idpError as error:
        yield fail("keystone-reachable", url, error.detail, unreachable=True), False
        return
    yield ok("keystone-certificate", url, "The certificate is trusted."), False
    version = (json_object(answer) or {}).get("version")
    if answer.status != 200 or not (isinstance(version, dict) and str(version.get("id", "")).startswith("v3")):
        yield (
            fail(
                "keystone-reachable",
                url,
                f"It answers {answer.status}, and not as Keystone's version 3.",
                unreachable=True,
            ),
            False,
        )
        return
    yield ok("keystone-reachable", url, f"Keystone answers with {version['id']}."), True
    yield judge_clock(url, offset), True
    try:
        answer = links.probe.ask("GET", f"{url}/", {"X-P3idp-Doctor": "x" * _LONG})
        yield judge_long_header(url, _LONG, answer), True
    except P3idpError as error:
        yield fail("long-headers", url, error.detail), True


def _bearer(links: ApacheLinks, provider: IdentityProvider, url: str) -> Iterator[Finding]:
    path = f"/OS-FEDERATION/identity_providers/{provider.id}/protocols/{provider.protocol}/auth"
    answer = links.probe.ask("GET", url + path)
    yield judge_bearer(provider, answer)
    yield judge_options(provider, links.probe.ask("OPTIONS", url + path))
    yield judge_forged(provider, _worst(links.probe.ask(method, url + path, FORGED) for method in ("GET", "POST")))
    admin = v3_url(links.admin_url)
    if admin != url:
        yield judge_bypass(provider, admin, links.probe.ask("GET", admin + path))


def _worst(answers: Iterator[Answer]) -> Answer:
    """The one nearest to being let in."""
    return min(answers, key=lambda answer: answer.status)


def _websso(
    links: ApacheLinks, provider: IdentityProvider, url: str, endpoints: Mapping[str, str]
) -> Iterator[Finding]:
    path = f"/auth/OS-FEDERATION/identity_providers/{provider.id}/protocols/{provider.protocol}/websso"
    query = urlencode({"origin": links.dashboard})
    answer = links.probe.ask("GET", f"{url}{path}?{query}", {"Accept": "text/html"})
    yield from judge_websso(provider, links.clients.get(provider.id), endpoints.get(provider.id), answer)
