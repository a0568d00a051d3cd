"""The client's doctor: all checks in the order in which a command meets what they look at. Owns that order.

What is broken never ends the walk; what hangs on it is passed over.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from p3idp.client.cache.entries import Cache
from p3idp.client.clouds import Cloud, Clouds, Given
from p3idp.client.discovery import completed, texts_of, what_it_says
from p3idp.client.doctor.clouds_yaml import examine_clouds_yaml
from p3idp.client.doctor.kept import examine_kept
from p3idp.client.doctor.machine import bundles_of_others, examine_machine
from p3idp.client.doctor.servers import examine_server
from p3idp.client.doctor.words import bad, odd, unseen, well
from p3idp.client.flows.service import service_secret
from p3idp.client.http import Web
from p3idp.client.provider import Provider, error_of, look_up
from p3idp.client.trust import bundle_of, check_bundle
from p3idp.core.keystone_url import v3_url
from p3idp.core.site.findings import Finding, Report, Status
from p3idp.errors import ExitStatus, P3idpError
from p3idp.errors.client import SignInNeeded
from p3idp.errors.sign_in import CacheUnfit, CloudUnknown

_NO_TOKEN = "p3idp-doctor-no-such-token"  # noqa: S105 - meant to be unknown everywhere


@dataclass(frozen=True, slots=True)
class Machine:
    """A researcher's machine: what is kept, what its shell says, and its clock."""

    clouds: Clouds
    cache: Cache
    environ: Mapping[str, str]
    clock: Callable[[], datetime]


def diagnose(machine: Machine, name: str | None, given: Given) -> Report:
    """All findings about this machine and one cloud: the named one, or the one in use."""
    return Report(tuple(_walk(machine, name, given)))


def _walk(machine: Machine, name: str | None, given: Given) -> Iterator[Finding]:
    yield from examine_machine(machine.environ)
    yield from examine_kept(machine.cache.files)
    try:
        cloud = machine.clouds.find(name, given)
    except CloudUnknown as error:
        yield (bad if name else odd)("cloud", name or "this machine", error.detail, error.hint)
    except CacheUnfit:
        return  # said above; nothing of it is used
    except P3idpError as error:
        where = "this call, or client.toml" if any(given.values()) else "client.toml"
        yield bad("configuration", where, error.detail, error.hint)
    else:
        yield well("configuration", "client.toml and what is remembered", f"The cloud is {cloud.name}.")
        yield from _cloud(machine, cloud)
        yield from examine_clouds_yaml(machine.clouds, machine.environ)


def _cloud(machine: Machine, cloud: Cloud) -> Iterator[Finding]:
    yield _signed_in(machine, cloud)
    try:
        check_bundle(cloud.verify)
    except P3idpError as error:
        yield bad("ca-file", bundle_of(cloud.verify), error.detail, error.hint)
        return
    yield well("ca-file", bundle_of(cloud.verify), "Its authorities are trusted, and no others.")
    web, known = Web(cloud.verify), cloud
    if cloud.broker:
        answers = yield from _server("broker", cloud.broker, machine, cloud)
        if answers:
            known = yield from _broker(web, cloud)
    if known.issuer and not known.token_command:
        answers = yield from _server("provider", known.issuer, machine, cloud)
        if answers:
            yield from _provider(web, known)
    if known.auth_url:
        answers = yield from _server("Keystone", v3_url(known.auth_url), machine, cloud)
        if answers:
            yield _keystone(web, v3_url(known.auth_url))


def _server(who: str, url: str, machine: Machine, cloud: Cloud) -> Generator[Finding, None, bool]:
    """Look at it; whether it can be asked more."""
    failed = False
    for finding in examine_server(who, url, cloud.verify, machine.clock, bundles_of_others(machine.environ)):
        failed = failed or (finding.status is Status.FAIL and finding.check != "clock")
        yield finding
    return not failed


def _broker(web: Web, cloud: Cloud) -> Generator[Finding, None, Cloud]:
    """What the broker says against what is known here; the cloud with what is learnt of it."""
    try:
        said = what_it_says(web, cloud.broker.rstrip("/"))
        full = completed(cloud, web)
    except P3idpError as error:
        yield bad("broker-says", cloud.broker, error.detail, error.hint, unreachable=_is_silence(error))
        return cloud
    if not said:
        yield odd("broker-says", cloud.broker, "It says nothing of itself.", "Give the rest once to `p3idp login`.")
        return full
    own = {"client_id"} if cloud.is_service_account else set()
    differing = [
        f"{name} is {ours} here and {theirs} there"
        for name, theirs in texts_of(said).items()
        if name not in own and (ours := getattr(full, name)) and theirs and _same(ours) != _same(theirs)
    ]
    if differing and not cloud.token_command:
        yield odd("broker-says", cloud.broker, f"{'; '.join(differing)}.")
    else:
        yield well("broker-says", cloud.broker, f"Sign in at {full.issuer} as {full.client_id}.")
    return full


def _provider(web: Web, cloud: Cloud) -> Iterator[Finding]:
    try:
        provider = look_up(web, cloud.issuer, cloud.client_id)
    except P3idpError as error:
        yield bad("issuer-says", cloud.issuer, error.detail, error.hint, unreachable=_is_silence(error))
        return
    codes = "codes for other devices" if provider.device_endpoint else "no codes for other devices"
    yield well("issuer-says", cloud.issuer, f"Its configuration can be believed; it has {codes}.")
    if cloud.client_id and not cloud.is_service_account:
        yield _client(provider)


def _client(provider: Provider) -> Finding:
    """A refresh token that never was: a client that is unknown is told so first (RFC 6749 section 5.2)."""
    try:
        error = error_of(provider.ask({"grant_type": "refresh_token", "refresh_token": _NO_TOKEN}))
    except P3idpError as failed:
        return bad("client-known", provider.client_id, failed.detail, unreachable=_is_silence(failed))
    if error == "invalid_grant":
        return well("client-known", provider.client_id, "The provider knows it.")
    if error in ("invalid_client", "unauthorized_client"):
        return bad("client-known", provider.client_id, f"The provider says {error}.")
    return unseen("client-known", provider.client_id, f"The provider says {error}.")


def _keystone(web: Web, url: str) -> Finding:
    try:
        version = web.get(url).json_object().get("version")
    except P3idpError as error:
        return bad("keystone-says", url, error.detail, unreachable=_is_silence(error))
    number = version.get("id") if isinstance(version, dict) else None
    if not isinstance(number, str) or not number.startswith("v3"):
        return bad("keystone-says", url, "It does not say that it is the Identity API v3.")
    return well("keystone-says", url, f"It is the Identity API {number}.")


def _signed_in(machine: Machine, cloud: Cloud) -> Finding:
    try:
        if cloud.is_service_account:
            service_secret(cloud)
            return well("signed-in", cloud.name, f"{cloud.client_id} is a service account, whose secret can be read.")
        identity = machine.cache.seen_identity(*cloud.who)
    except SignInNeeded as error:
        return odd("signed-in", cloud.name, error.detail, error.hint)
    except P3idpError as error:
        return bad("signed-in", cloud.name, error.detail, error.hint)
    if identity is None:
        return odd("signed-in", cloud.name, "Nobody is signed in.")
    who = f"{identity.name} ({identity.subject})"
    if identity.refresh_token is not None:
        return well("signed-in", cloud.name, f"{who}, until the provider ends it.")
    told = f"{who}, until {identity.ends_at:%Y-%m-%d %H:%M} UTC."
    is_over = identity.ends_at <= machine.clock() and not cloud.token_command
    return odd("signed-in", cloud.name, told) if is_over else well("signed-in", cloud.name, told)


def _is_silence(error: P3idpError) -> bool:
    return error.exit_status is ExitStatus.UNREACHABLE


def _same(value: str) -> str:
    return v3_url(value).rstrip("/") if "://" in value else value
