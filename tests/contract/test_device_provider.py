"""The provider's device flow as the adapter speaks it: what is sent, and what each answer means. Over paper."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from urllib.parse import parse_qsl

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from p3idp.adapters.checkin.device import CheckinDevice, PublicClient
from p3idp.adapters.checkin.provider import Issuer
from p3idp.adapters.checkin.transport import Reply
from p3idp.core.device.device import Upstream
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderRefusedClient, ProviderUnreachable, TokenRefused
from p3idp.ports.device import NotYet, PersonTokens

ISSUER, CLIENT, EGI = "https://op.test/realm", "p3idp-cli", ProviderId("egi")
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
KEY = RSAKey.generate_key(2048, {"kid": "k1"})
CODE = {"device_code": "their-secret", "user_code": "ABCD-EFGH", "verification_uri": f"{ISSUER}/device",
        "verification_uri_complete": f"{ISSUER}/device?user_code=ABCD-EFGH", "interval": 7}  # fmt: skip
MINE = Upstream(Secret("their-secret"), Secret("verifier"), "ABCD-EFGH", f"{ISSUER}/device", 5, NOW)


@dataclass
class PaperTransport:
    """Answers what it is told to; remembers forms and headers."""

    status: int = 200
    body: object = None
    device_flow: bool = True
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def get(self, url: str, headers: object = None) -> Reply:
        if url.endswith("/certs"):
            return _reply(200, {"keys": [KEY.as_dict(private=False)]})
        paths = {"authorization": "auth", "token": "token", "userinfo": "userinfo", "revocation": "revoke"}
        paths |= {"device_authorization": "auth/device"} if self.device_flow else {}
        document = {f"{name}_endpoint": f"{ISSUER}/{path}" for name, path in paths.items()}
        return _reply(200, document | {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/certs"})

    def post(self, url: str, headers: dict[str, str], form: str, *, again: bool = False) -> Reply:
        assert not again or url.endswith("/revoke"), "only taking a token back may be sent twice"
        self.asked.append((url.removeprefix(f"{ISSUER}/"), dict(parse_qsl(form))))
        self.headers.append(dict(headers))
        return _reply(self.status, self.body)


def _reply(status: int, body: object) -> Reply:
    return Reply(status, "application/json", json.dumps(body).encode())


def tokens(
    hash_of: str = "opaque", changes: Mapping[str, object] = MappingProxyType({}), **other: object
) -> dict[str, object]:
    moment = int(NOW.timestamp())
    half = urlsafe_b64encode(sha256(hash_of.encode()).digest()[:16]).rstrip(b"=").decode()
    claims = {"iss": ISSUER, "sub": "mary", "aud": CLIENT, "exp": moment + 300, "iat": moment, "at_hash": half}
    claims |= changes
    signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY)
    good = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "refresh_token": "r1",
            "scope": "openid", "id_token": signed, "more": "what nobody asked for"}  # fmt: skip
    return {name: value for name, value in {**good, **other}.items() if value is not None}


def adapter(status: int, body: object, *, device_flow: bool = True) -> tuple[CheckinDevice, PaperTransport]:
    paper = PaperTransport(status, body, device_flow)
    issuer = Issuer(ISSUER, CLIENT, lambda: Secret(""), paper, lambda: 0.0)  # type: ignore[arg-type]  # it stands in
    return CheckinDevice({EGI: PublicClient(issuer, paper, CLIENT)}), paper  # type: ignore[arg-type]  # for Transport


def test_beginning_sends_the_public_client_and_a_challenge():
    device, paper = adapter(200, CODE)
    begun = device.begin(EGI, ("openid", "offline_access"), Secret("verifier"), NOW)
    assert begun is not None
    assert (begun.user_code, begun.link, begun.interval) == ("ABCD-EFGH", CODE["verification_uri_complete"], 7)
    ((path, form),) = paper.asked
    assert (path, form["client_id"], form["scope"]) == ("auth/device", CLIENT, "openid offline_access")
    assert form["code_challenge"] == "iMnq5o6zALKXGivsnlom_0F5_WYda32GHkxlV7mq7hQ"  # S256 of "verifier"
    assert paper.headers == [{}]  # no secret: it is nobody's


def test_without_a_device_flow_there_is_none():
    device, paper = adapter(200, CODE, device_flow=False)
    assert device.begin(EGI, (), Secret("v"), NOW) is None
    assert paper.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"verification_uri_complete": "https://evil.test/device"},
        {"verification_uri_complete": "http://op.test/realm/device"},
        {"verification_uri_complete": "javascript:alert(1)"},
        {"verification_uri_complete": f"{ISSUER}/" + "x" * 3000},
        {"user_code": "x" * 41},
        {"user_code": "\x1b[2J"},
        {"device_code": ""},
        {"device_code": 7},
    ],
    ids=["elsewhere", "http", "script", "long link", "long", "escape", "empty", "number"],
)
def test_people_are_sent_to_the_provider_and_nowhere_else(changes: dict[str, object]):
    device, _ = adapter(200, {**CODE, **changes})
    with pytest.raises(ProviderUnreachable):
        device.begin(EGI, (), Secret("v"), NOW)


@pytest.mark.parametrize(("given", "used"), [(7, 7), (0, 1), (-1, 1), (3600, 60), ("9", 5), (True, 5), (None, 5)])
def test_an_interval_is_bounded(given: object, used: int):
    device, _ = adapter(200, {**CODE, "interval": given})
    begun = device.begin(EGI, (), Secret("v"), NOW)
    assert begun is not None
    assert begun.interval == used


@pytest.mark.parametrize("error", list(NotYet))
def test_answers_that_are_no_token(error: NotYet):
    device, paper = adapter(400, {"error": error.value})
    assert device.ask(EGI, MINE, NOW) is error
    assert paper.asked[0][1]["code_verifier"] == "verifier"


def test_tokens_are_handed_on_as_they_are_and_nothing_else():
    device, _ = adapter(200, tokens())
    given = device.ask(EGI, MINE, NOW)
    assert isinstance(given, PersonTokens)
    assert given.id_token is not None
    assert (given.access_token.reveal(), given.expires_in, given.scope) == ("opaque", 300, "openid")
    assert "opaque" not in repr(given)


@pytest.mark.parametrize(
    "body",
    [
        tokens(id_token="e30.e30.AA"),
        tokens(id_token=jwt.encode({"alg": "RS256", "kid": "k1"}, {"iss": ISSUER}, RSAKey.generate_key(2048))),
        tokens(hash_of="another access token"),
        tokens(changes={"aud": "p3idp"}),
        tokens(changes={"iss": "https://other.test"}),
        tokens(access_token=None),
        tokens(token_type="DPoP"),
    ],
    ids=["unsigned", "another's key", "another's hash", "another client's", "another issuer's", "no token", "bound"],
)
def test_what_is_not_believed_is_not_handed_on(body: dict[str, object]):
    device, _ = adapter(200, body)
    with pytest.raises(TokenRefused):
        device.ask(EGI, MINE, NOW)


def test_what_is_not_believed_goes_back():
    device, paper = adapter(200, tokens(id_token="e30.e30.AA"))
    with pytest.raises(TokenRefused):
        device.ask(EGI, MINE, NOW)
    assert [form["token"] for path, form in paper.asked if path == "revoke"] == ["r1", "opaque"]


def test_an_old_id_token_is_not_believed():
    device, _ = adapter(200, tokens())
    with pytest.raises(TokenRefused):
        device.ask(EGI, MINE, NOW + timedelta(hours=2))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_client"}, ProviderRefusedClient),
        (401, {"error": "unauthorized_client"}, ProviderRefusedClient),
        (404, {}, ProviderUnreachable),
        (400, [], ProviderUnreachable),
    ],
    ids=["client", "401", "404", "nonsense"],
)
def test_what_is_wrong_with_us_or_with_it_says_nothing_about_the_person(
    status: int, body: object, kind: type[Exception]
):
    device, _ = adapter(status, body)
    for call in (
        lambda: device.begin(EGI, (), Secret("v"), NOW),
        lambda: device.ask(EGI, MINE, NOW),
        lambda: device.refresh(EGI, Secret("r0")),
    ):
        with pytest.raises(kind):
            call()


def test_a_refresh_is_passed_on_without_an_id_token_that_nobody_checked():
    device, paper = adapter(200, tokens())
    given = device.refresh(EGI, Secret("r0"))
    assert given is not None
    assert given.refresh_token is not None
    assert (given.refresh_token.reveal(), given.id_token) == ("r1", None)
    assert paper.asked == [("token", {"grant_type": "refresh_token", "refresh_token": "r0", "client_id": CLIENT})]
    ended, _ = adapter(400, {"error": "invalid_grant"})
    assert ended.refresh(EGI, Secret("r0")) is None


def test_a_token_is_taken_back():
    device, paper = adapter(200, {})
    assert device.revoke(EGI, Secret("r0"))
    assert paper.asked == [("revoke", {"token": "r0", "client_id": CLIENT})]
