"""What every identity provider behind the ports does: the twin in memory, and the lab's real stand-in for Check-in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from exchange_world import a_provider

from p3idp import wiring
from p3idp.adapters.memory.checkin import MemoryCheckin, MemoryPerson
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderUnreachable, TokenRefused
from p3idp.lab.demo import apply_policy
from p3idp.ports.checkin import AccessTokenVerifier, SignInAttempt, SignInClient

VM_OPERATOR = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"


@dataclass
class World:
    """A provider with alice, who is a vm_operator, and bob, who holds nothing."""

    verifier: AccessTokenVerifier
    sign_in: SignInClient
    token_of: Callable[[str, str], RawToken]
    agree: Callable[[str, str], str]


def the_provider() -> IdentityProvider:
    """As the example policy has it."""
    scopes = ("openid", "profile", "email", "voperson_id", "eduperson_entitlement", "entitlements")
    return replace(a_provider(), scopes=scopes, issuing_clients=("p3idp", "keystone", "p3idp-cli"))


def memory_world() -> World:
    checkin = MemoryCheckin(the_provider())
    checkin.people["alice"] = MemoryPerson("alice@egi.eu", "Alice Example", (VM_OPERATOR,))
    checkin.people["bob"] = MemoryPerson("bob@egi.eu", "Bob Nobody")

    def token_of(who: str, client: str) -> RawToken:
        return checkin.give_token(who, datetime.now(UTC), client)

    return World(checkin, checkin, token_of, checkin.agree)


def lab_world(lab) -> World:
    apply_policy(lab.layout)
    settings = lab.settings
    policy = wiring.wire_policy(settings)

    def agree(url: str, who: str) -> str:
        """Sign in at the stand-in as a browser would; the code it sends back."""
        with httpx.Client(verify=lab.tls, trust_env=False) as browser:
            answer = browser.get(url)
            while answer.is_redirect:
                answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
            answer = browser.post(answer.url, data={"login": who, "password": who})
            while "code=" not in answer.headers["location"]:
                answer = browser.get(urljoin(str(answer.url), answer.headers["location"]))
        return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    return World(
        wiring.wire_verifier(settings, policy),
        wiring.wire_sign_in(settings, policy),
        lambda who, client: RawToken(Secret(lab.token(who, client))),
        agree,
    )


@pytest.fixture(params=["memory", "lab"])
def world(request: pytest.FixtureRequest) -> World:
    return memory_world() if request.param == "memory" else lab_world(request.getfixturevalue("lab"))


def an_attempt() -> SignInAttempt:
    fresh = wiring.new_token
    return SignInAttempt(fresh(), "egi", fresh(), fresh(), fresh(), "/", datetime.now(UTC) + timedelta(minutes=10))


def test_a_good_token_says_who_and_what(world: World):
    now = datetime.now(UTC)
    claims = world.verifier.verify_access_token(world.token_of("alice", "p3idp-cli"), now)
    assert (claims.provider, claims.client) == ("egi", "p3idp-cli")
    assert claims.subject.endswith("@egi.eu")
    assert VM_OPERATOR in claims.entitlements
    assert list(claims.entitlements) == sorted(claims.entitlements)
    assert now < claims.expires_at <= now + timedelta(hours=24)
    assert claims.issued_at <= datetime.now(UTC)


def test_somebody_without_entitlements_is_still_somebody(world: World):
    claims = world.verifier.verify_access_token(world.token_of("bob", "p3idp-cli"), datetime.now(UTC))
    assert claims.entitlements == ()
    assert claims.subject


def test_an_expired_altered_or_foreign_token_is_refused(world: World):
    token, now = world.token_of("alice", "p3idp-cli"), datetime.now(UTC)
    with pytest.raises(TokenRefused) as expired:
        world.verifier.verify_access_token(token, now + timedelta(days=2))
    assert expired.value.reason == "expired"
    with pytest.raises(TokenRefused):
        world.verifier.verify_access_token(RawToken(Secret(token.reveal()[:-8] + "AAAAAAAA")), now)
    with pytest.raises(TokenRefused) as foreign:
        world.verifier.verify_access_token(world.token_of("alice", "other-service"), now)
    assert foreign.value.reason == "client"


def test_an_authorization_url_asks_for_everything_that_must_come_back(world: World):
    attempt = an_attempt()
    asked = parse_qs(urlsplit(world.sign_in.authorization_url(attempt)).query)
    assert (asked["state"], asked["nonce"]) == ([attempt.state], [attempt.nonce])
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert {"openid", "entitlements"} <= set(asked["scope"][0].split())


def test_a_sign_in_ends_with_a_person_and_a_token_that_is_good_for_one_code(world: World):
    attempt = an_attempt()
    code = world.agree(world.sign_in.authorization_url(attempt), "alice")
    signed_in = world.sign_in.redeem(attempt, code, datetime.now(UTC))
    assert signed_in.claims.display_name == "Alice Example"
    assert VM_OPERATOR in signed_in.claims.entitlements
    believed = world.verifier.verify_access_token(signed_in.access_token, datetime.now(UTC))
    assert believed.subject == signed_in.claims.subject
    with pytest.raises(TokenRefused) as again:
        world.sign_in.redeem(attempt, code, datetime.now(UTC))
    assert again.value.reason == "code-refused"


def test_a_code_is_good_for_the_browser_that_began_only(world: World):
    attempt = an_attempt()
    code = world.agree(world.sign_in.authorization_url(attempt), "alice")
    with pytest.raises(TokenRefused) as other_verifier:
        world.sign_in.redeem(replace(attempt, verifier=wiring.new_token()), code, datetime.now(UTC))
    assert other_verifier.value.reason == "code-refused"
    code = world.agree(world.sign_in.authorization_url(attempt), "alice")
    with pytest.raises(TokenRefused) as other_nonce:
        world.sign_in.redeem(replace(attempt, nonce=wiring.new_token()), code, datetime.now(UTC))
    assert other_nonce.value.reason == "nonce"


def test_a_provider_names_itself(world: World):
    issuer, always = world.sign_in.issuer_of("egi")
    assert issuer.startswith("https://")
    assert always is True


def test_a_provider_that_is_down_is_unreachable_and_not_a_refusal():
    checkin = MemoryCheckin(the_provider(), people={"alice": MemoryPerson("alice@egi.eu", "Alice Example")})
    token = checkin.give_token("alice", datetime.now(UTC))
    checkin.down = True
    with pytest.raises(ProviderUnreachable):
        checkin.verify_access_token(token, datetime.now(UTC))


def test_keys_that_roll_at_the_provider_stop_nobody(lab):
    world = lab_world(lab)
    before = world.token_of("alice", "p3idp-cli")
    world.verifier.verify_access_token(before, datetime.now(UTC))
    lab.control().roll_keys(overlap=True)
    after = world.token_of("alice", "p3idp-cli")
    for token in (before, after):
        assert world.verifier.verify_access_token(token, datetime.now(UTC)).client == "p3idp-cli"
