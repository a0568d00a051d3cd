"""What an answer of provider, Apache and Keystone means: each broken link has a check that names it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from site_world import EGI, SCOPES, policy, provider

from p3idp.core.access.desired import desired_state
from p3idp.core.access.resources import Kind, Snapshot
from p3idp.core.policy.model import Suspension
from p3idp.core.site.catalogue import CHECKS
from p3idp.core.site.chain_apache import (
    Answer,
    judge_bearer,
    judge_bypass,
    judge_forged,
    judge_long_header,
    judge_websso,
)
from p3idp.core.site.chain_keystone import judge_access, judge_federation, judge_issuer_lengths
from p3idp.core.site.chain_provider import judge_clock, judge_discovery, judge_introspection, judge_keys
from p3idp.core.site.findings import Finding, Report, Status, fail, ok, skipped, warn
from p3idp.errors import ExitStatus

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ENDPOINT = f"{EGI}/protocol/openid-connect"
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
CHALLENGE = Answer(401, {"www-authenticate": 'Bearer error="invalid_request"'})


def wrong(findings: Any) -> dict[str, Status]:
    found: list[Finding] = [findings] if isinstance(findings, Finding) else list(findings)
    assert {finding.check for finding in found} <= set(CHECKS)
    return {finding.check: finding.status for finding in found if finding.status is not Status.OK}


def test_a_provider_in_order_has_no_finding():
    assert wrong(judge_discovery(provider(), EGI, DISCOVERY)) == {}


@pytest.mark.parametrize(
    ("change", "check", "status"),
    [
        ({"issuer": f"{EGI}/"}, "discovery-issuer", Status.FAIL),
        ({"issuer": None}, "discovery-issuer", Status.FAIL),
        ({"token_endpoint": "http://idp.test/token"}, "provider-endpoints", Status.FAIL),
        ({"introspection_endpoint": "https://elsewhere.test/i"}, "provider-endpoints", Status.FAIL),
        ({"token_endpoint": "https://["}, "provider-endpoints", Status.FAIL),
        ({"token_endpoint": None}, "provider-endpoints", Status.FAIL),
        ({"code_challenge_methods_supported": ["plain"]}, "pkce", Status.FAIL),
        ({"code_challenge_methods_supported": None}, "pkce", Status.WARN),
        ({"response_types_supported": ["id_token"]}, "code-flow", Status.FAIL),
        ({"scopes_supported": ["openid", "profile", "voperson_id"]}, "scopes", Status.FAIL),
    ],
)
def test_a_provider_out_of_order_is_named(change: dict[str, Any], check: str, status: Status):
    assert wrong(judge_discovery(provider(), EGI, DISCOVERY | change)) == {check: status}


def test_the_doctor_takes_the_same_host_for_the_same_as_sign_in_does():
    ported = DISCOVERY | {"token_endpoint": ENDPOINT.replace("idp.test", "idp.test:443") + "/token"}
    assert wrong(judge_discovery(provider(), EGI, ported)) == {}


def test_a_parametric_scope_is_known_by_its_first_part():
    asks = provider(scopes=("openid", "entitlements:urn:mace:egi.eu:group:x"))
    assert wrong(judge_discovery(asks, EGI, DISCOVERY)) == {}


@pytest.mark.parametrize(
    ("keys", "usable"),
    [
        ([{"kty": "RSA", "n": "x" * 342}], True),
        ([{"kty": "EC", "crv": "P-256"}], True),
        ([{"kty": "RSA", "n": "x" * 171}], False),
        ([{"kty": "RSA", "n": "x" * 342, "use": "enc"}], False),
        ([{"kty": "oct"}], False),
        ([], False),
        ("nonsense", False),
    ],
)
def test_a_key_set_without_a_usable_key_is_named(keys: object, usable: bool):
    assert wrong(judge_keys(provider(), {"keys": keys})) == ({} if usable else {"signing-keys": Status.FAIL})


@pytest.mark.parametrize(
    ("status", "body", "well"),
    [(200, {"active": False}, True), (401, {}, False), (200, {"active": True}, False), (403, None, False)],
)
def test_an_introspection_that_refuses_us_is_named(status: int, body: Any, well: bool):
    found = wrong(judge_introspection(provider(), "p3idp", status, body))
    assert found == ({} if well else {"introspection-client": Status.FAIL})


@pytest.mark.parametrize(
    ("seconds", "status", "words"),
    [(0, Status.OK, ""), (-4, Status.OK, ""), (8, Status.WARN, "8 s ahead"), (-45, Status.FAIL, "45 s behind")],
)
def test_a_clock_that_is_off_is_named_by_how_much(seconds: int, status: Status, words: str):
    finding = judge_clock("the provider", timedelta(seconds=seconds))
    assert finding.status is status
    assert words in finding.found


@pytest.mark.parametrize(
    ("answer", "clients", "status"),
    [
        (CHALLENGE, ("p3idp",), Status.OK),
        (CHALLENGE, (), Status.FAIL),
        (Answer(403, {}), (), Status.OK),
        (Answer(403, {}), ("p3idp",), Status.FAIL),
        (Answer(302, {"location": "https://idp.test"}), ("p3idp",), Status.FAIL),
        (Answer(401, {"www-authenticate": 'Keystone uri="x"'}), ("p3idp",), Status.FAIL),
        (Answer(500, {}), ("p3idp",), Status.FAIL),
    ],
)
def test_the_bearer_path_is_guarded_or_named(answer: Answer, clients: tuple[str, ...], status: Status):
    assert judge_bearer(provider(issuing_clients=clients), answer).status is status


def test_forged_claims_that_are_believed_are_named():
    assert wrong(judge_forged(provider(), CHALLENGE)) == {}
    assert wrong(judge_forged(provider(), Answer(201, {}))) == {"forged-claims": Status.FAIL}
    assert wrong(judge_forged(provider(), Answer(500, {}))) == {"forged-claims": Status.FAIL}


def test_a_way_around_apache_is_named():
    assert wrong(judge_bypass(provider(), "https://10.0.0.1:5000/v3", Answer(401, {}))) == {"bypass": Status.WARN}
    assert wrong(judge_bypass(provider(), "https://10.0.0.1:5000/v3", CHALLENGE)) == {}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, {}),
        ({"client_id=keystone": "client_id=other"}, {"websso-redirect": Status.FAIL}),
        ({"response_type=code": "response_type=id_token"}, {"websso-redirect": Status.FAIL}),
        ({"&code_challenge_method=S256": ""}, {"websso-redirect": Status.FAIL}),
        ({"idp.test": "elsewhere.test"}, {"websso-redirect": Status.FAIL}),
        ({"+eduperson_entitlement": ""}, {"websso-scopes": Status.FAIL}),
        ({"+entitlements": "+entitlements+offline_access"}, {"websso-scopes": Status.FAIL}),
    ],
)
def test_a_browsers_way_that_goes_wrong_is_named(change: dict[str, str], named: dict[str, Status]):
    target = (
        f"{ENDPOINT}/auth?response_type=code&client_id=keystone&code_challenge_method=S256&scope={'+'.join(SCOPES)}"
    )
    for old, new in change.items():
        target = target.replace(old, new)
    answer = Answer(302, {"location": target})
    assert wrong(judge_websso(provider(), "keystone", f"{ENDPOINT}/auth", answer)) == named


def test_an_unprotected_websso_path_is_named():
    assert wrong(judge_websso(provider(), "keystone", None, Answer(401, {}))) == {"websso-redirect": Status.FAIL}


@pytest.mark.parametrize(("status", "words"), [(200, ""), (400, "Apache"), (502, "WSGI")])
def test_a_limit_that_is_too_small_is_named_with_whose_it_is(status: int, words: str):
    finding = judge_long_header("keystone", 16_000, Answer(status, {}))
    assert (finding.status is Status.OK) == (status == 200)
    assert words in finding.found


def test_an_issuer_that_keystone_cannot_store_is_named():
    entra = "https://login.microsoftonline.test/00000000-0000-0000-0000-000000000000/v2.0"
    assert wrong(judge_issuer_lengths(provider(issuers=(entra,)))) == {"issuer-length": Status.FAIL}
    assert wrong(judge_issuer_lengths(provider())) == {}


DESIRED = desired_state(policy(), NOW)


def held(kind: Kind | None = None, owner: str | None = "test-site", **attributes: Any) -> Snapshot:
    """What the policy asks for, with some attributes of one kind changed."""
    resources = (
        replace(r, attributes={**r.attributes, **attributes}, owner=owner) if r.kind is kind else r
        for r in DESIRED.resources
    )
    return Snapshot(tuple(resources))


def without(kind: Kind) -> Snapshot:
    return Snapshot(tuple(r for r in DESIRED.resources if r.kind is not kind))


RULES = next(r for r in DESIRED.resources if r.kind is Kind.MAPPING).attributes["rules"]
HTTP_RULES = [{"local": [], "remote": [{"type": "HTTP_OIDC_SUB"}]}]


@pytest.mark.parametrize(
    ("snapshot", "named"),
    [
        (held(), {}),
        (without(Kind.IDENTITY_PROVIDER), {"idp-exists": Status.FAIL}),
        (held(Kind.IDENTITY_PROVIDER, enabled=False), {"idp-enabled": Status.FAIL}),
        (held(Kind.IDENTITY_PROVIDER, issuers=[]), {"idp-issuers": Status.FAIL}),
        (held(Kind.IDENTITY_PROVIDER, issuers=["https://demo.test"]), {"idp-issuers": Status.FAIL}),
        (held(Kind.IDENTITY_PROVIDER, issuers=[EGI, "https://demo.test"]), {"idp-issuers": Status.FAIL}),
        (held(Kind.IDENTITY_PROVIDER, owner=None), {"idp-owned": Status.WARN}),
        (held(Kind.IDENTITY_PROVIDER, domain="0123abcd"), {"idp-domain": Status.FAIL}),
        (held(Kind.IDENTITY_PROVIDER, authorization_ttl=0), {"authorization-ttl": Status.FAIL}),
        (held(Kind.IDENTITY_PROVIDER, authorization_ttl=None), {"authorization-ttl": Status.FAIL}),
        (held(Kind.IDENTITY_PROVIDER, authorization_ttl=60), {"authorization-ttl": Status.FAIL}),
        (without(Kind.PROTOCOL), {"protocol-exists": Status.FAIL}),
        (held(Kind.PROTOCOL, remote_id_attribute="HTTP_OIDC_ISS"), {"protocol-remote-id": Status.FAIL}),
        (held(Kind.PROTOCOL, remote_id_attribute=None), {"protocol-remote-id": Status.SKIPPED}),
        (without(Kind.MAPPING), {"mapping-exists": Status.FAIL}),
        (held(Kind.MAPPING, schema_version="1.0"), {"mapping-schema": Status.FAIL}),
        (held(Kind.MAPPING, rules=HTTP_RULES), {"mapping-claim-names": Status.FAIL, "mapping-drift": Status.FAIL}),
        (held(Kind.MAPPING, rules=[*RULES, *RULES]), {"mapping-drift": Status.FAIL}),  # type: ignore[misc]
    ],
)
def test_what_keystone_holds_otherwise_is_named(snapshot: Snapshot, named: dict[str, Status]):
    assert wrong(judge_federation(provider(), snapshot, DESIRED)) == named


@pytest.mark.parametrize(("enabled", "status"), [(False, {}), (True, {"idp-enabled": Status.FAIL})])
def test_a_provider_that_the_policy_suspends_is_to_be_disabled(enabled: bool, status: dict[str, Status]):
    stopped = replace(provider(), suspended=Suspension(NOW))
    assert wrong(judge_federation(stopped, held(Kind.IDENTITY_PROVIDER, enabled=enabled), DESIRED)) == status


def test_a_list_that_was_cut_short_proves_nothing_missing():
    assert judge_access(replace(held(), missing=("groups",)), DESIRED).status is Status.SKIPPED


def test_the_exit_status_is_the_worst_that_was_found():
    def status(*findings: Finding) -> ExitStatus:
        return Report(findings).exit_status

    unreached = fail("keystone-reachable", "k", "silent", unreachable=True)
    assert status(ok("pkce", "p", ""), warn("pkce", "p", ""), skipped("pkce", "p", "")) is ExitStatus.OK
    assert status(fail("pkce", "p", "")) is ExitStatus.ERROR
    assert status(fail("pkce", "p", ""), unreached) is ExitStatus.UNREACHABLE


def test_every_check_says_what_it_asks_means_and_what_to_try():
    for name, check in CHECKS.items():
        assert name == name.lower()
        assert check.asks.endswith("?")
        assert check.means
        assert check.remedy
