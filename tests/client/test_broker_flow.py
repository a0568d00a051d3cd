"""Signing in by way of a broker of paper: how each answer ends, and what of its word is believed."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from joserfc.jwk import RSAKey
from paper_provider import CLIENT, ISSUER, PaperProvider, answer, id_token, mary, now, tokens

from p3idp.client.broker import BrokerProvider, look_up_broker, refresher, said_by_broker
from p3idp.client.clouds import Cloud
from p3idp.client.flows.broker import broker_of, by_broker
from p3idp.client.flows.choose import Person
from p3idp.client.flows.choose import sign_in as sign_in_by_choice
from p3idp.client.flows.device import DeviceCode, Patience
from p3idp.client.http import Answer, Web
from p3idp.client.identity import Identity
from p3idp.core.login.metadata import ProviderMetadata
from p3idp.errors import ExitStatus, P3idpError
from p3idp.errors.client import SignInNeeded
from p3idp.errors.login import ProviderUnreachable, ProviderUntrusted
from p3idp.errors.sign_in import ClientConfigInvalid, SignInDenied, SignInFailed, SignInTimedOut

BROKER = "https://broker.test"
CLOUD = Cloud("site", ISSUER, CLIENT, ("openid", "offline_access"), BROKER)
CODE = {"device_code": "secret-device", "user_code": "BCDF-GHJK", "verification_uri": f"{BROKER}/device",
        "verification_uri_complete": f"{BROKER}/device?user_code=BCDF-GHJK", "expires_in": 600}  # fmt: skip
DONE = (200, tokens(id_token=id_token(nonce=None)))


def broker(*replies: tuple[int, object] | None, device: tuple[int, object] = (200, CODE)) -> PaperProvider:
    return PaperProvider(list(replies) or [DONE], device=device)


def found(paper: PaperProvider) -> BrokerProvider:
    metadata = ProviderMetadata(ISSUER, "", f"{BROKER}/oauth/token", "", None, None, names_itself=False)
    web: Web = paper  # type: ignore[assignment]  # it stands in for Web
    return BrokerProvider(web, CLIENT, metadata, f"{BROKER}/device", frozenset(), broker=BROKER)


def sign_in(paper: PaperProvider) -> Identity:
    moments = iter(range(0, 10_000, 1))
    shown: list[DeviceCode] = []
    return by_broker(CLOUD, found(paper), shown.append, Patience(lambda: float(next(moments)), lambda _: None))


def refusal(error: str, said: str = "", status: int = 400) -> tuple[int, object]:
    return status, {"error": error, "error_description": said}


def test_the_identity_remembers_which_way_it_came():
    paper = broker(refusal("authorization_pending"), DONE)
    identity = sign_in(paper)
    assert (identity.subject, identity.via) == ("mary@op.test", BROKER)
    assert Identity.from_json(json.loads(json.dumps(identity.to_json()))) == identity
    assert all("secret-device" not in url for url, _ in paper.asked)


def test_an_identity_kept_by_an_earlier_version_came_from_the_provider():
    kept = mary().to_json()
    del kept["via"]
    assert Identity.from_json(kept).via == ""


@pytest.mark.parametrize(
    ("reply", "kind", "status"),
    [
        (refusal("access_denied", "The policy gives you no project."), SignInDenied, ExitStatus.REFUSED),
        (refusal("expired_token", "Over."), SignInTimedOut, ExitStatus.SIGN_IN_NEEDED),
        (refusal("invalid_grant", "The device code was used."), SignInNeeded, ExitStatus.SIGN_IN_NEEDED),
        (refusal("unauthorized_client", "Suspended."), SignInFailed, ExitStatus.REFUSED),
        ((200, tokens(id_token=None)), SignInFailed, ExitStatus.REFUSED),
        ((200, tokens(id_token=id_token(aud="other", nonce=None))), SignInFailed, ExitStatus.REFUSED),
        ((200, tokens(id_token=id_token(iss="https://evil.test", nonce=None))), SignInFailed, ExitStatus.REFUSED),
        ((200, tokens(id_token=id_token(exp=1, nonce=None))), SignInFailed, ExitStatus.REFUSED),
        ((200, tokens(access_token=None)), SignInFailed, ExitStatus.REFUSED),
    ],
    ids=["denied", "expired", "used", "suspended", "no ID token", "another's", "another issuer", "old", "no token"],
)
def test_each_end_has_its_exit_status(reply: tuple[int, object], kind: type[P3idpError], status: ExitStatus):
    with pytest.raises(kind) as ended:
        sign_in(broker(reply))
    assert ended.value.exit_status == status
    said = reply[1].get("error_description") if isinstance(reply[1], dict) else None
    assert said is None or said == "Over." or said in ended.value.detail  # the broker's own reason


@pytest.mark.parametrize(
    ("reply", "kind", "status"),
    [
        (refusal("invalid_client", "Not the client here.", 401), SignInFailed, ExitStatus.REFUSED),
        (refusal("temporarily_unavailable", "Too many.", 429), ProviderUnreachable, ExitStatus.UNREACHABLE),
        ((200, {**CODE, "verification_uri": "http://broker.test/device"}), SignInFailed, ExitStatus.REFUSED),
    ],
    ids=["client", "too many", "no https"],
)
def test_a_broker_that_does_not_begin(reply: tuple[int, object], kind: type[P3idpError], status: ExitStatus):
    with pytest.raises(kind) as ended:
        sign_in(broker(device=reply))
    assert ended.value.exit_status == status


def test_the_brokers_certificate_speaks_for_the_tokens_it_passes_on():
    """The provider's keys are not fetched: the command line speaks to one server."""
    paper = broker((200, tokens(id_token=id_token(RSAKey.generate_key(2048, {"kid": "k1"}), nonce=None))))
    paper.get = None  # type: ignore[method-assign,assignment]  # whatever it asked for, it would fail
    assert sign_in(paper).subject == "mary@op.test"


def test_a_broker_says_nothing_to_the_terminal_but_words():
    reply = answer(400, {"error": "access_denied", "error_description": "\x1b[2Jgo\u202e away"})
    assert said_by_broker(reply) == "?[2Jgo? away"
    assert said_by_broker(Answer(400, {}, b"<html>")) == "The broker answers status 400."


# ---- what the broker says about itself ----


def says(monkeypatch: pytest.MonkeyPatch, status: int = 200, **changes: object) -> list[str]:
    """Let every server say this; the addresses that were asked."""
    asked: list[str] = []
    document = {"issuer": BROKER, "token_endpoint": f"{BROKER}/oauth/token",
                "device_authorization_endpoint": f"{BROKER}/oauth/device_authorization",
                "revocation_endpoint": f"{BROKER}/oauth/revoke", **changes}  # fmt: skip

    def get(self: Web, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        asked.append(url)
        if url.endswith("openid-configuration"):
            return PaperProvider().get(url)
        return answer(status, {name: value for name, value in document.items() if value is not None})

    monkeypatch.setattr(Web, "get", get)
    return asked


def test_a_broker_with_the_flow_is_found(monkeypatch: pytest.MonkeyPatch):
    asked = says(monkeypatch)
    provider = broker_of(CLOUD)
    assert provider.device_endpoint == f"{BROKER}/oauth/device_authorization"
    assert provider.metadata.revocation_endpoint == f"{BROKER}/oauth/revoke"
    assert asked == [f"{BROKER}/.well-known/oauth-authorization-server"]


@pytest.mark.parametrize(
    "changes",
    [
        {"device_authorization_endpoint": None},
        {"device_authorization_endpoint": "https://evil.test/oauth/device_authorization"},
        {"device_authorization_endpoint": "http://broker.test/oauth/device_authorization"},
        {"token_endpoint": "https://evil.test/oauth/token"},
        {"status": 404},
    ],
    ids=["without it", "elsewhere", "http", "tokens elsewhere", "no metadata"],
)
def test_a_broker_without_the_flow_is_passed_by(monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]):
    says(monkeypatch, **changes)  # type: ignore[arg-type]
    assert look_up_broker(CLOUD) is None
    with pytest.raises(ClientConfigInvalid) as refused:
        broker_of(CLOUD)
    assert "--flow device" in refused.value.hint


def test_a_broker_of_another_name_is_not_trusted(monkeypatch: pytest.MonkeyPatch):
    says(monkeypatch, issuer="https://evil.test")
    with pytest.raises(ProviderUntrusted):
        look_up_broker(CLOUD)


def test_what_came_by_the_broker_is_refreshed_there_and_nothing_else(monkeypatch: pytest.MonkeyPatch):
    asked = says(monkeypatch)
    own = mary()
    assert refresher(CLOUD, own).metadata.token_endpoint == f"{ISSUER}/token"
    relayed = sign_in(broker())
    assert refresher(CLOUD, relayed).metadata.token_endpoint == f"{BROKER}/oauth/token"
    moved = Cloud("site", ISSUER, CLIENT, (), "https://other.test")
    assert refresher(moved, relayed).metadata.token_endpoint == f"{ISSUER}/token"
    assert asked[1] == f"{BROKER}/.well-known/oauth-authorization-server"


def test_a_silent_provider_behind_the_broker_is_unreachable_and_the_sign_in_stays(monkeypatch: pytest.MonkeyPatch):
    relayed = found(broker(None))
    with pytest.raises(ProviderUnreachable) as silent:
        relayed.refresh(mary(), now())
    assert silent.value.exit_status == ExitStatus.UNREACHABLE


# ---- which way is taken ----


@pytest.mark.parametrize(
    ("flow", "first"),
    [("auto", BROKER), ("broker", BROKER), ("device", ISSUER), ("paste", ISSUER)],
)
def test_where_a_code_is_the_way_the_brokers_is_taken(monkeypatch: pytest.MonkeyPatch, flow: str, first: str):
    asked = says(monkeypatch)

    def post(self: Web, url: str, *_: object) -> Answer:
        asked.append(url)
        raise ProviderUnreachable("so far, and no further")

    monkeypatch.setattr(Web, "post", post)
    person = Person(lambda _: None, lambda: "https://nowhere.test/")
    with pytest.raises(P3idpError):
        sign_in_by_choice(replace(CLOUD, flow=flow), person, {"DISPLAY": ":0"}, no_browser=True)
    assert asked[0].startswith(first)
    if first == BROKER:
        assert all(url.startswith(BROKER) for url in asked)
        assert len(asked) == 2
