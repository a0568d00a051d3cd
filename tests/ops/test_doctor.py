"""The doctor walks on past every broken link, and names it; nothing it prints is a secret."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from site_world import EGI, SCOPES, AgreeingApache, policy, provider

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.core.access.desired import desired_state
from p3idp.core.exchange.published import CommandLineClient
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.core.site.apache_text import SourceFile
from p3idp.core.site.catalogue import CHECKS
from p3idp.core.site.chain_apache import Answer
from p3idp.core.site.findings import Report, Status
from p3idp.errors import ExitStatus, P3idpError
from p3idp.errors.keystone import (
    FederatedLoginRefused,
    KeystoneForbids,
    KeystoneRefusedCredentials,
    KeystoneUnreachable,
)
from p3idp.errors.login import TokenRefused
from p3idp.errors.policy import PolicyInvalid
from p3idp.errors.settings import SettingsInvalid
from p3idp.errors.site import CertificateUntrusted, Unreached
from p3idp.ops.doctor import Doctor, diagnose
from p3idp.ops.doctor_apache import ApacheLinks
from p3idp.ops.doctor_files import FileLinks
from p3idp.ops.doctor_provider import ProviderLink
from p3idp.ops.doctor_token import TokenLinks

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
KEYSTONE = "https://keystone.test:5000/v3"
ENDPOINT = f"{EGI}/protocol/openid-connect"
SECRET = "canary-of-the-client"
DISCOVERY: dict[str, Any] = {
    "issuer": EGI,
    "authorization_endpoint": f"{ENDPOINT}/auth",
    "token_endpoint": f"{ENDPOINT}/token",
    "jwks_uri": f"{ENDPOINT}/certs",
    "introspection_endpoint": f"{ENDPOINT}/token/introspect",
    "userinfo_endpoint": f"{ENDPOINT}/userinfo",
    "code_challenge_methods_supported": ["S256"],
    "response_types_supported": ["code"],
    "scopes_supported": list(SCOPES),
}


class World:
    """A provider and an Apache with a memory. ``trouble`` raises for addresses that begin so."""

    def __init__(self) -> None:
        self.clock_is = NOW
        self.discovery = dict(DISCOVERY)
        self.trouble: dict[str, P3idpError] = {}
        self.believes_headers = False
        self.known_secret = SECRET
        self.asked: list[str] = []

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        form: Mapping[str, str] | None = None,
        client: tuple[str, Secret[str]] | None = None,
    ) -> Answer:
        self.asked.append(f"{method} {url}")
        for begin, error in self.trouble.items():
            if url.startswith(begin):
                raise error
        date = {"date": format_datetime(self.clock_is, usegmt=True)}
        if url.startswith(EGI):
            return self._provider(url, date, client)
        return self._keystone(method, url, date, headers or {})

    def _provider(self, url: str, date: dict[str, str], client: tuple[str, Secret[str]] | None) -> Answer:
        if url.endswith("/.well-known/openid-configuration"):
            return Answer(200, date, json.dumps(self.discovery).encode())
        if url.endswith("/certs"):
            return Answer(200, date, json.dumps({"keys": [{"kty": "RSA", "n": "x" * 342}]}).encode())
        if client and client[1].reveal() == self.known_secret:
            return Answer(200, date, b'{"active": false}')
        return Answer(401, date)

    def _keystone(self, method: str, url: str, date: dict[str, str], headers: Mapping[str, str]) -> Answer:
        if url == f"{KEYSTONE}/":
            return Answer(200, date, b'{"version": {"id": "v3.14"}}')
        if "/websso" in url:
            query = {"response_type": "code", "client_id": "keystone", "code_challenge_method": "S256"}
            return Answer(302, {"location": f"{ENDPOINT}/auth?{urlencode(query | {'scope': ' '.join(SCOPES)})}"})
        if method == "OPTIONS":
            return Answer(403, {})
        if self.believes_headers and "OIDC-sub" in headers:
            return Answer(201, {})
        return Answer(401, {"www-authenticate": "Bearer"})


class NoFiles:
    """A host without any of the files."""

    def __init__(self, **files: str) -> None:
        self.files = files

    def read(self, path: str) -> SourceFile | None:
        return SourceFile(path, self.files[path]) if path in self.files else None

    def included(self, pattern: str) -> tuple[SourceFile, ...]:
        return ()

    def exists(self, path: str) -> bool | None:
        return None


def in_force() -> MemoryKeystone:
    keystone = MemoryKeystone()
    for resource in desired_state(policy(), NOW).resources:
        keystone.put(resource)
    return keystone


def unused() -> Any:
    raise AssertionError("nobody asked for this")


def doctor(world: World, keystone: Any = None, **changes: Any) -> Doctor:
    clients = (("p3idp", lambda: Secret(SECRET)), ("keystone", lambda: Secret(SECRET)))
    reader = keystone or in_force()
    built = Doctor(
        policy=policy(),
        providers=(ProviderLink(provider(), world, f"{ENDPOINT}/token/introspect", clients),),
        reader=lambda: reader,
        apache=ApacheLinks(world, KEYSTONE, KEYSTONE, "https://dashboard.test/auth/websso/", {"egi": "keystone"}),
        files=FileLinks(NoFiles(), AgreeingApache(), None, (), ()),
        token=TokenLinks(unused, unused),
        clock=lambda: NOW,
        command_line=CommandLineClient(replace(provider(), issuing_clients=("p3idp-cli",)), "p3idp-cli"),
    )
    return replace(built, **changes)


def examined(built: Doctor, token: str | None = None) -> Report:
    report = diagnose(lambda: built, NOW, RawToken(Secret(token)) if token else None)
    assert {finding.check for finding in report.findings} <= set(CHECKS)
    assert SECRET not in str(report)
    return report


def wrong(report: Report) -> dict[str, Status]:
    return {f.check: f.status for f in report.findings if f.status in (Status.FAIL, Status.WARN)}


def test_a_chain_in_order_passes_every_check():
    report = examined(doctor(World()))
    assert wrong(report) == {}
    assert report.exit_status is ExitStatus.OK
    assert report.count(Status.OK) > 30
    skipped = {f.check: f.found for f in report.findings if f.status is Status.SKIPPED}
    assert set(skipped) == {"apache-provider", "auth-methods", "token-login"}
    assert all("--" in why for why in skipped.values()), "a skipped check says how it can be looked at"


def test_a_silent_provider_is_unreachable_and_the_rest_is_still_looked_at():
    world = World()
    world.trouble = {EGI: Unreached("silence")}
    report = examined(doctor(world))
    assert wrong(report) == {"provider-reachable": Status.FAIL}
    assert report.exit_status is ExitStatus.UNREACHABLE
    assert "mapping-drift" in {f.check for f in report.findings}


@pytest.mark.parametrize(("where", "check"), [(EGI, "provider-certificate"), (KEYSTONE, "keystone-certificate")])
def test_an_untrusted_certificate_is_named(where: str, check: str):
    world = World()
    world.trouble = {where: CertificateUntrusted("self-signed")}
    assert check in wrong(examined(doctor(world)))


def test_a_silent_keystone_leaves_its_doors_unlooked_at():
    world = World()
    world.trouble = {KEYSTONE: Unreached("silence")}
    report = examined(doctor(world))
    assert report.exit_status is ExitStatus.UNREACHABLE
    assert [f.status for f in report.findings if f.check == "bearer-path"] == [Status.SKIPPED]


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda world: world.discovery.update(issuer="https://other.test"), "discovery-issuer"),
        (lambda world: world.discovery.update(introspection_endpoint=f"{EGI}/elsewhere"), "introspection-address"),
        (lambda world: setattr(world, "known_secret", "another"), "introspection-client"),
        (lambda world: setattr(world, "believes_headers", True), "forged-claims"),
        (lambda world: setattr(world, "clock_is", NOW + timedelta(seconds=90)), "clock"),
    ],
)
def test_a_broken_link_is_named_and_no_other(spoil: Callable[[World], object], check: str):
    world = World()
    spoil(world)
    assert wrong(examined(doctor(world))) == {check: Status.FAIL}


def test_a_client_for_people_that_the_policy_does_not_honour_is_named_and_none_at_all_is_no_fault():
    unlisted = CommandLineClient(replace(provider(), issuing_clients=("p3idp",)), "p3idp-cli")
    report = examined(doctor(World(), command_line=unlisted))
    assert wrong(report) == {"command-line-client": Status.FAIL}
    (found,) = [f for f in report.findings if f.check == "command-line-client"]
    assert "p3idp-cli" in found.found
    assert "issuing_clients" in found.remedy
    none = examined(doctor(World(), command_line=None))
    assert wrong(none) == {}
    assert [f.status for f in none.findings if f.check == "command-line-client"] == [Status.SKIPPED]


def test_no_secret_goes_to_an_introspection_endpoint_on_another_host():
    world = World()
    world.discovery["introspection_endpoint"] = "https://thief.test/introspect"
    examined(doctor(world))
    assert not [line for line in world.asked if "thief" in line]


@pytest.mark.parametrize(
    ("error", "check", "status"),
    [
        (KeystoneRefusedCredentials("no"), "keystone-credentials", ExitStatus.ERROR),
        (KeystoneForbids("no"), "keystone-rights", ExitStatus.ERROR),
        (KeystoneUnreachable("no"), "keystone-reachable", ExitStatus.UNREACHABLE),
    ],
)
def test_an_account_that_cannot_read_is_named(error: P3idpError, check: str, status: ExitStatus):
    class Refusing(MemoryKeystone):
        def read(self, domain: str, kinds: Any = None) -> Any:
            raise error

    report = examined(doctor(World(), Refusing()))
    assert wrong(report) == {check: Status.FAIL}
    assert report.exit_status is status


def test_a_file_that_is_not_there_is_named():
    links = FileLinks(NoFiles(), AgreeingApache(), "/no/apache.conf", ("/no/keystone.conf",), ())
    assert set(wrong(examined(doctor(World(), files=links)))) == {"apache-provider", "auth-methods"}


def test_keystones_files_are_read_in_order_the_last_winning():
    files = NoFiles(a="[DEFAULT]\ndebug = true\n", b="[DEFAULT]\ndebug = false\n")
    links = FileLinks(files, AgreeingApache(), None, ("a", "b"), ())
    assert "keystone-debug" not in wrong(examined(doctor(World(), files=links)))


@pytest.mark.parametrize(
    ("error", "check"),
    [
        (SettingsInvalid("settings.toml: key: unknown"), "settings"),
        (PolicyInvalid((("site.yaml", 3, "typo"),)), "policy"),
    ],
)
def test_settings_and_policy_that_cannot_be_read_are_findings_too(error: P3idpError, check: str):
    def broken() -> Doctor:
        raise error

    report = diagnose(broken, NOW)
    assert wrong(report) == {check: Status.FAIL}
    assert error.detail in report.findings[0].found


CLAIMS = VerifiedClaims(
    ProviderId("egi"), EGI, "someone", "p3idp", NOW, NOW + timedelta(hours=1), (), (), SCOPES, "Someone", {}
)  # fmt: skip


class Judge:
    """A verifier and a Keystone that both say what they are told to."""

    def __init__(self, refuses: P3idpError | None = None, login: P3idpError | None = None) -> None:
        self.refuses, self.refuses_login = refuses, login

    def verify_access_token(self, raw: RawToken, now: datetime) -> VerifiedClaims:
        if self.refuses:
            raise self.refuses
        return CLAIMS

    def login(self, *_: object) -> Any:
        if self.refuses_login:
            raise self.refuses_login

    def projects(self, *_: object) -> tuple[()]:
        return ()


@pytest.mark.parametrize(
    ("judge", "named"),
    [
        (Judge(TokenRefused("expired", "The token is expired.")), {"token-verified": Status.FAIL}),
        # Someone to whom the policy gives nothing is refused at Keystone: that is how it should be.
        (
            Judge(login=FederatedLoginRefused("No rule fits.")),
            {"token-policy": Status.WARN, "token-login": Status.WARN},
        ),
        (Judge(), {"token-policy": Status.WARN}),
    ],
)
def test_a_persons_way_is_followed_to_where_it_ends(judge: Judge, named: dict[str, Status]):
    links = TokenLinks(lambda: judge, lambda: judge)  # type: ignore[arg-type, return-value]  # a fake of two ports
    report = examined(doctor(World(), token=links), token="canary-token")
    assert wrong(report) == named
    assert "canary-token" not in str(report)
    assert "someone" not in str(report).lower().replace("someone has", "")
