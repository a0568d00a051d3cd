"""Trust in names and types: who makes VerifiedClaims, and what they are made of."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from p3idp.core.login.answers import check_introspection
from p3idp.core.login.verified import verified_claims
from p3idp.core.policy.model import ClaimNames, IdentityProvider, ProviderId
from p3idp.errors.login import TokenRefused

SOURCES = Path(__file__).parents[2] / "src" / "p3idp"
# verified.py makes them; the session store reads back what was verified; the twin in memory stands for a provider.
MAKERS = {"core/login/verified.py", "adapters/store/session_text.py", "adapters/memory/checkin.py"}
VERIFIERS = {f"adapters/checkin/{name}.py" for name in ("verifier", "sign_in", "refresh")}

PROVIDER = IdentityProvider(
    id=ProviderId("egi"),
    title="Check-in",
    issuers=("https://idp.example.org",),
    protocol="openid",
    claims=ClaimNames(subject="voperson_id"),
    scopes=("openid",),
    authorization_ttl=timedelta(hours=8),
)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN: dict[str, object] = {
    "iss": "https://idp.example.org",
    "sub": "s@egi.eu",
    "voperson_id": "alice@egi.eu",
    "azp": "cli",
    "iat": NOW.timestamp(),
    "exp": (NOW + timedelta(hours=1)).timestamp(),
    "scope": "openid email",
    "entitlements": ["from the token itself"],
}


def calls_of(name: str) -> set[str]:
    """The source files that call this function or class."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and name in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
                found.add(path.relative_to(SOURCES).as_posix())
    return found


def test_only_a_verifier_makes_verified_claims():
    assert calls_of("VerifiedClaims") <= MAKERS
    assert calls_of("verified_claims") == VERIFIERS


def test_identity_comes_from_the_token_and_entitlements_from_the_issuers_answer():
    answer = {
        "active": True,
        "sub": "s@egi.eu",
        "entitlements": ["b", "a"],
        "eduperson_entitlement": "c",
        "name": "Alice",
    }
    claims = verified_claims(PROVIDER, TOKEN, answer)
    assert (claims.subject, claims.client, claims.issuer) == ("alice@egi.eu", "cli", "https://idp.example.org")
    assert claims.entitlements == ("a", "b", "c")
    assert claims.scopes == ("email", "openid")
    assert claims.display_name == "Alice"
    assert claims.expires_at == NOW + timedelta(hours=1)


def test_the_earlier_end_counts():
    sooner = NOW + timedelta(minutes=5)
    assert verified_claims(PROVIDER, TOKEN, {"exp": sooner.timestamp()}).expires_at == sooner
    later = NOW + timedelta(hours=5)
    assert verified_claims(PROVIDER, TOKEN, {"exp": later.timestamp()}).expires_at == NOW + timedelta(hours=1)


def test_a_person_without_a_name_is_shown_by_subject():
    assert verified_claims(PROVIDER, TOKEN, {"name": "\x07"}).display_name == "alice@egi.eu"


def test_the_subject_may_come_from_the_answer_but_never_differ():
    token = {name: value for name, value in TOKEN.items() if name != "voperson_id"}
    assert verified_claims(PROVIDER, token, {"voperson_id": "alice@egi.eu"}).subject == "alice@egi.eu"
    for claims, answer in (
        (token, {}),
        (TOKEN, {"voperson_id": "bob@egi.eu"}),
        (token, {"voperson_id": ["alice@egi.eu"]}),
    ):
        with pytest.raises(TokenRefused) as refused:
            verified_claims(PROVIDER, claims, answer)
        assert refused.value.reason == "sub"


def test_what_is_shown_holds_nothing_but_the_persons_own_claims():
    answer = {"entitlements": ["a"], "jti": "secret-ish", "session_state": "x", "name": "Alice"}
    shown = verified_claims(PROVIDER, TOKEN, answer).shown
    assert set(shown) == {"iss", "sub", "voperson_id", "name", "entitlements"}
    assert list(shown) == sorted(shown)


def test_an_answer_belongs_to_its_token():
    good = {"active": True, "sub": "s@egi.eu", "client_id": "cli", "exp": TOKEN["exp"]}
    assert check_introspection(good, TOKEN, NOW) is None
    for change in (
        {"active": "true"},
        {"sub": "S@egi.eu"},
        {"client_id": "x"},
        {"iss": "x"},
        {"exp": 1},
        {"typ": "ID"},
    ):
        assert check_introspection({**good, **change}, TOKEN, NOW) is not None
