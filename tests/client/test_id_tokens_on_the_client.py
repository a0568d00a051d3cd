"""Which answers of a provider sign somebody in on a researcher's machine, and which do not (security table 2.1)."""

import base64
import hmac
import json
import warnings
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from paper_provider import CLIENT, ISSUER, KEY, PaperProvider, claims, id_token, mary, now, tokens

from p3idp.client.provider import Provider, look_up
from p3idp.errors import P3idpError
from p3idp.errors.client import SignInNeeded
from p3idp.errors.login import ProviderUnreachable, ProviderUntrusted
from p3idp.errors.sign_in import ClientConfigInvalid, SignInFailed

HOUR = 3600
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "k1"})
with warnings.catch_warnings(action="ignore"):  # that it is small is the point
    SMALL_KEY = RSAKey.generate_key(1024, {"kid": "k1"})


def b64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(alg: str) -> str:
    return f"{b64({'alg': alg, 'kid': 'k1'})}.{b64(claims())}."


def keyed_with_the_public_key() -> str:
    signed = f"{b64({'alg': 'HS256', 'kid': 'k1'})}.{b64(claims())}"
    mac = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def swapped() -> str:
    header, _, signature = id_token().split(".")
    return f"{header}.{b64(claims(sub='eve@op.test'))}.{signature}"


def at(seconds: int) -> int:
    return int(now().timestamp()) + seconds


def redeem(paper: PaperProvider) -> Any:
    return paper.looked_up().redeem({"grant_type": "authorization_code", "code": "c"}, now(), "n1")


def test_a_good_answer_signs_in():
    paper = PaperProvider()
    identity = redeem(paper)
    assert (identity.subject, identity.name, identity.issuer) == ("mary@op.test", "Mary", ISSUER)
    assert identity.refresh_token.reveal() == "r1"
    assert 299 <= (identity.ends_at - identity.issued_at).total_seconds() <= 300
    assert paper.asked == [("token", {"grant_type": "authorization_code", "code": "c", "client_id": CLIENT})]
    for shown in (repr(identity), str(identity)):
        assert "opaque-access" not in shown
        assert "r1" not in shown.replace("***", "")


# R01…R41: who hands us such an ID token has not signed anybody in.
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(lambda: id_token(iss="https://other.test/realm"), id="R01 iss wrong"),
        pytest.param(lambda: id_token(iss=f"{ISSUER}/"), id="R02 iss with a slash"),
        pytest.param(lambda: id_token(iss=None), id="R03 iss missing"),
        pytest.param(lambda: id_token(sub=None), id="R04 sub missing"),
        pytest.param(lambda: id_token(sub=" "), id="R05 sub blank"),
        pytest.param(lambda: id_token(sub="x" * 256), id="R05 sub long"),
        pytest.param(lambda: id_token(aud="other"), id="R06 aud wrong"),
        pytest.param(lambda: id_token(aud=None), id="R07 aud missing"),
        pytest.param(lambda: id_token(azp="other"), id="R10 azp another client"),
        pytest.param(lambda: id_token(exp=at(-HOUR)), id="R11 expired"),
        pytest.param(lambda: id_token(exp=at(-11)), id="R12 expired beyond leeway"),
        pytest.param(lambda: id_token(exp=None), id="R13 exp missing"),
        pytest.param(lambda: id_token(exp=at(25 * HOUR)), id="R15 life over a day"),
        pytest.param(lambda: id_token(iat=None), id="R16 iat missing"),
        pytest.param(lambda: id_token(iat=at(HOUR), exp=at(2 * HOUR)), id="R17 iat in the future"),
        pytest.param(lambda: id_token(iat=at(-700), exp=at(HOUR)), id="R18 iat old"),
        pytest.param(lambda: id_token(nbf=at(HOUR)), id="R19 nbf in the future"),
        pytest.param(lambda: id_token(nonce="n2"), id="R20 nonce wrong"),
        pytest.param(lambda: id_token(nonce=None), id="R21 nonce missing"),
        pytest.param(lambda: unsigned("none"), id="R24 alg none"),
        pytest.param(lambda: unsigned("nOnE"), id="R26 alg nOnE"),
        pytest.param(keyed_with_the_public_key, id="R27 HS256 with the public key"),
        pytest.param(lambda: id_token(key=OTHER_KEY), id="R30 another key under the kid"),
        pytest.param(swapped, id="R29 payload swapped"),
        pytest.param(lambda: id_token().rsplit(".", 1)[0] + ".", id="R29 signature stripped"),
        pytest.param(lambda: id_token(header={"jwk": OTHER_KEY.as_dict(private=False)}, key=OTHER_KEY), id="R31 jwk"),
        pytest.param(lambda: id_token(header={"kid": "../k1"}), id="R33 kid odd"),
        pytest.param(lambda: id_token(header={"kid": "k2"}), id="R35 kid unknown"),
        pytest.param(lambda: f"{b64({'alg': 'RS256', 'crit': ['x'], 'x': 1})}.{b64(claims())}.AAAA", id="R34 crit"),
        pytest.param(lambda: "a.b.c.d.e", id="R37 encrypted"),
        pytest.param(lambda: "x" * 200_000, id="R38 long"),
        pytest.param(lambda: id_token(header={"typ": "at+jwt"}), id="R40 at+jwt"),
        pytest.param(lambda: id_token(header={"typ": "logout+jwt"}), id="R40 logout+jwt"),
        pytest.param(lambda: id_token(typ="Refresh"), id="R40 body typ Refresh"),
        pytest.param(lambda: id_token(events={"x": {}}), id="R40 logout token"),
        pytest.param(lambda: id_token(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), id="at_hash of another token"),
        pytest.param(lambda: None, id="R42 no ID token"),
    ],
)
def test_a_bad_id_token_signs_nobody_in(raw: Any):
    with pytest.raises(SignInFailed):
        redeem(PaperProvider([(200, tokens(id_token=raw()))]))


@pytest.mark.parametrize(
    ("key", "published"),
    [
        (SMALL_KEY, {}),
        (KEY, {"use": "enc"}),
        (KEY, {"alg": "RS512"}),
        (KEY, {"kty": "oct"}),
        (KEY, {"kty": "EC", "crv": "P-256"}),
        (KEY, {"n": 5}),
    ],
    ids=["RSA-1024", "for encryption", "of another algorithm", "oct", "not on a curve", "no number"],
)
def test_a_key_unfit_for_use_signs_nobody_in(key: RSAKey, published: dict[str, Any]):
    """R41."""
    paper = PaperProvider(
        [(200, tokens(id_token=id_token(key=key)))], keys=[{**key.as_dict(private=False), **published}]
    )
    with pytest.raises(SignInFailed):
        redeem(paper)


@pytest.mark.parametrize(
    "body",
    [
        tokens(access_token=None),
        tokens(access_token=""),
        tokens(access_token=7),
        tokens(token_type="DPoP"),
        tokens(token_type=None),
        {},
    ],
    ids=["no token", "empty", "number", "DPoP", "no type", "nothing"],
)
def test_an_odd_token_response_signs_nobody_in(body: dict[str, Any]):
    with pytest.raises(SignInFailed):
        redeem(PaperProvider([(200, body)]))


def test_a_wrong_clock_is_named():
    with pytest.raises(SignInFailed) as refused:
        redeem(PaperProvider([(200, tokens(id_token=id_token(iat=at(86400), exp=at(86700))))]))
    assert "clock" in refused.value.hint


def test_what_a_provider_says_reaches_no_terminal():
    with pytest.raises(SignInFailed) as refused:
        redeem(PaperProvider([(400, {"error": "\x1b[2Jx", "error_description": "\x1b]0;owned"})]))
    assert "\x1b" not in refused.value.detail
    with pytest.raises(SignInFailed, match="invalid_grant"):
        redeem(PaperProvider([(400, {"error": "invalid_grant"})]))


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [(300, 300), (1e300, 86400), (0, 0), (-5, 0), ("300", 0), (True, 0), (None, 0)],
    ids=str,
)
def test_an_end_is_read_and_never_assumed(expires_in: object, seconds: int):
    identity = redeem(PaperProvider([(200, tokens(expires_in=expires_in))]))
    assert (identity.ends_at - identity.issued_at).total_seconds() == seconds


def test_without_expires_in_the_tokens_own_end_counts():
    access = f"{b64({'alg': 'RS256'})}.{b64({'exp': at(120)})}.AAAA"
    identity = redeem(PaperProvider([(200, tokens(expires_in=None, access_token=access))]))
    assert 118 <= (identity.ends_at - identity.issued_at).total_seconds() <= 121


# ---- refreshing ----


def refresh(*replies: tuple[int, object] | None) -> Any:
    return PaperProvider(list(replies)).looked_up().refresh(mary(), now())


def test_a_refresh_needs_no_id_token_and_keeps_a_refresh_token_that_is_not_replaced():
    renewed = refresh((200, tokens(id_token=None, refresh_token=None, scope=None, access_token="new")))
    assert (renewed.subject, renewed.name, renewed.scopes) == ("mary@op.test", "Mary", ("openid",))
    assert (renewed.access_token.reveal(), renewed.refresh_token.reveal()) == ("new", "r0")
    assert refresh((200, tokens(id_token=id_token(nonce=None)))).refresh_token.reveal() == "r1"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((200, tokens(id_token=id_token(sub="eve@op.test", nonce=None))), SignInFailed),
        ((200, tokens(id_token=id_token(key=OTHER_KEY))), SignInFailed),
        ((400, {"error": "invalid_grant"}), SignInNeeded),
        ((401, {"error": "invalid_grant"}), SignInNeeded),
        ((401, {"error": "invalid_client"}), SignInFailed),
        ((400, b"<html>"), SignInFailed),
        ((404, b"<html>"), ProviderUnreachable),
        (None, ProviderUnreachable),
    ],
    ids=[
        "somebody else's",
        "forged",
        "over",
        "over, by another status",
        "client locked",
        "a front's",
        "html",
        "silence",
    ],
)
def test_a_bad_refresh_is_none(reply: tuple[int, object] | None, error: type[P3idpError]):
    with pytest.raises(error):
        refresh(reply)


def test_without_a_refresh_token_nobody_is_asked():
    paper = PaperProvider()
    with pytest.raises(SignInNeeded):
        paper.looked_up().refresh(mary(refresh=None), now())
    assert paper.asked == []


# ---- discovery (R45) ----


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://op.test/other"},
        {"issuer": f"{ISSUER}/"},
        {"issuer": None},
        {"token_endpoint": "http://op.test/token"},
        {"token_endpoint": "https://evil.test/token"},
        {"jwks_uri": "https://op.test:444/certs"},
        {"authorization_endpoint": None},
    ],
    ids=["another issuer", "slash", "no issuer", "http", "another host", "another port", "no endpoint"],
)
def test_a_bad_configuration_is_not_used(document: dict[str, Any]):
    with pytest.raises(ProviderUntrusted):
        PaperProvider(document=document).looked_up()


@pytest.mark.parametrize("endpoint", ["http://op.test/d", "https://evil.test/d", 7])
def test_a_device_endpoint_elsewhere_is_none(endpoint: object):
    assert PaperProvider(document={"device_authorization_endpoint": endpoint}).looked_up().device_endpoint is None


@pytest.mark.parametrize(
    "issuer", ["http://op.test", "op.test", "https://u:p@op.test", "https://op.test/?a", "https://["]
)
def test_an_issuer_is_a_plain_https_address(issuer: str):
    paper = PaperProvider()
    with pytest.raises(ClientConfigInvalid):
        look_up(paper, issuer, CLIENT)
    assert isinstance(PaperProvider().looked_up(), Provider)
