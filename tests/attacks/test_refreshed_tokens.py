"""What a hostile provider answers to a refresh: forged tokens, other people, odd answers. And what it is asked at all.

The rows are those of a sign-in; the OpenID Foundation has them as refresh-token-invalid-issuer and -invalid-sub.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from battery import Attack
from forgeries import FORGERIES, Forgery
from hostile import MISSING, Answer, HostileProvider
from trusting import NONCE, Trust, make_trust

from p3idp.adapters.checkin.refresh import CheckinRefresh
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.login import ConsentEnded, ProviderRefusedClient, ProviderUnreachable, TokenRefused
from p3idp.ports.checkin import Purpose
from p3idp.ports.offline import OfflineAccess

ME = "mallory@egi.eu"
# No browser's attempt is under way that a nonce could belong to; and our own token may name other services too.
NOT_ASKED = {"nonce", "audience"}
BY_ROW = {row: [f for f in FORGERIES if f.row == row] for row in sorted({f.row for f in FORGERIES})}


def kept(hostile: HostileProvider, subject: str = ME) -> OfflineAccess:
    now = datetime.now(UTC)
    return OfflineAccess(ProviderId("hostile"), hostile.issuer, subject, Secret("the-kept-token"), now, now)


def asking(trusting: Trust) -> CheckinRefresh:
    return CheckinRefresh((trusting.sign_in._trusted["hostile"],))


def refresh(trusting: Trust, subject: str = ME, **told: object) -> VerifiedClaims:
    """One refresh, answered with a good access token and whatever else is told."""
    hostile, refresher, access = trusting.hostile, asking(trusting), kept(trusting.hostile, subject)
    good = {"access_token": hostile.access_token(), "token_type": "Bearer", "refresh_token": "the-next-token"}
    answer = {name: value for name, value in {**good, **told}.items() if value is not MISSING}
    hostile.answers["token"] = Answer(answer)
    return refresher.believe(access, refresher.trade(access), datetime.now(UTC))


def rows_of(kind: str) -> list[str]:
    return [row for row, found in BY_ROW.items() if any(fits(f, kind) for f in found)]


def fits(forgery: Forgery, kind: str) -> bool:
    return kind in forgery.kinds and forgery.reason not in (NOT_ASKED if kind == "access" else {"nonce"})


@pytest.mark.parametrize("row", [pytest.param(row, marks=pytest.mark.attack(row)) for row in rows_of("id")])
def test_a_forged_id_token_of_a_refresh_says_nothing(row: str, trusting: Trust, attack: Attack) -> None:
    for forgery in BY_ROW[row]:
        if fits(forgery, "id"):
            token = forgery.token(trusting.hostile, "id")
            attack.refused(forgery.name, lambda t=token: refresh(trusting, id_token=t), forgery.reason)
    assert trusting.hostile.counts["introspection"] == 0


@pytest.mark.parametrize("row", [pytest.param(row, marks=pytest.mark.attack(row)) for row in rows_of("access")])
def test_a_forged_access_token_of_a_refresh_says_nothing(row: str, trusting: Trust, attack: Attack) -> None:
    for forgery in BY_ROW[row]:
        if fits(forgery, "access"):
            token = forgery.token(trusting.hostile, "access")
            attack.refused(forgery.name, lambda t=token: refresh(trusting, access_token=t), forgery.reason)
    assert trusting.hostile.counts["introspection"] == 0


@pytest.mark.attack("R66")
def test_a_word_on_somebody_else_is_refused_wherever_it_stands(trusting: Trust, attack: Attack) -> None:
    hostile, told = trusting.hostile, iter(range(10))

    def ask(subject: str = ME, **more: object) -> VerifiedClaims:
        # Each with a token of its own: what was said of one is remembered for a moment.
        return refresh(trusting, subject, **{"access_token": hostile.access_token(jti=f"t-{next(told)}"), **more})

    attack.refused("everywhere", lambda: ask("alice@egi.eu"), "sub-differs")
    attack.refused("the ID token", lambda: ask(id_token=hostile.id_token(NONCE, sub="alice@egi.eu")), "sub-differs")
    hostile.introspection_changes = {"sub": "alice@egi.eu"}
    attack.refused("introspection", ask, "sub-differs")
    hostile.introspection_changes = {"voperson_id": "alice@egi.eu"}
    attack.refused("the policy's own name", ask, "sub")


@pytest.mark.attack("R46")
def test_a_token_that_is_dead_on_arrival_says_nothing(trusting: Trust, attack: Attack) -> None:
    for answer in ({"active": False}, {"active": "true"}, {"active": MISSING}):
        trusting.hostile.introspection_changes = answer
        attack.refused(str(answer), lambda: refresh(trusting), "inactive")


ENDED, OURS, SILENT = ConsentEnded, ProviderRefusedClient, ProviderUnreachable
ODD: dict[str, tuple[Answer, type[P3idpError]]] = {
    "invalid_grant": (Answer({"error": "invalid_grant"}, 400), ENDED),
    "invalid_grant with 401": (Answer({"error": "invalid_grant"}, 401), OURS),
    "invalid_grant with 500": (Answer({"error": "invalid_grant"}, 500), SILENT),
    "invalid_grant with 404": (Answer({"error": "invalid_grant"}, 404), SILENT),
    "invalid_client": (Answer({"error": "invalid_client"}, 401), OURS),
    "invalid_client as Keycloak says it": (Answer({"error": "invalid_client"}, 400), OURS),
    "unauthorized_client": (Answer({"error": "unauthorized_client"}, 400), OURS),
    "forbidden": (Answer({"error": "access_denied"}, 403), OURS),
    "invalid_request": (Answer({"error": "invalid_request"}, 400), SILENT),
    "no error at all": (Answer({}, 400), SILENT),
    "an error that is a list": (Answer({"error": ["invalid_grant"]}, 400), SILENT),
    "a page": (Answer("<h1>invalid_grant</h1>", 400, "text/html"), SILENT),
    "nonsense": (Answer(b"{", 200), SILENT),
    "too many requests": (Answer({"error": "invalid_grant"}, 429), SILENT),
    "a bad gateway": (Answer("no", 502, "text/html"), SILENT),
    "another kind of token": (Answer({"access_token": "x.y.z", "token_type": "DPoP"}), TokenRefused),
    "no token": (Answer({"token_type": "Bearer"}), TokenRefused),
    "a number for a token": (Answer({"token_type": "Bearer", "access_token": 7}), TokenRefused),
}


@pytest.mark.attack("R64")
@pytest.mark.parametrize("kind", ODD)
def test_only_the_providers_plain_word_ends_a_consent(kind: str, trusting: Trust) -> None:
    trusting.hostile.answers["token"], wanted = ODD[kind]
    with pytest.raises(P3idpError) as refused:
        asking(trusting).trade(kept(trusting.hostile))
    assert type(refused.value) is wanted
    assert "the-kept-token" not in f"{refused.value} {refused.value.debug} {refused.value.hint}"


@pytest.mark.parametrize("kind", ["a connection that breaks off", "silence"])
def test_a_refresh_is_sent_once(kind: str, hostile: HostileProvider) -> None:
    """It may have been answered: sent again, the used token would end the consent."""
    trusting = make_trust(hostile, total=0.5)
    trusting.sign()
    before = hostile.counts["token"]
    hostile.answers["token"] = Answer({}, delay=1.0) if kind == "silence" else _break_off
    with pytest.raises(ProviderUnreachable):
        asking(trusting).trade(kept(hostile))
    time.sleep(0.1)
    assert hostile.counts["token"] == before + 1


def _break_off() -> Answer:
    raise ConnectionAbortedError


@pytest.mark.attack("R42")
def test_a_provider_that_rotates_or_not_is_followed(trusting: Trust) -> None:
    refresher, access = asking(trusting), kept(trusting.hostile)
    for following, wanted in ((MISSING, "the-kept-token"), ("", "the-kept-token"), (7, "the-kept-token"), ("x", "x")):
        answer = {"access_token": "a.b.c", "token_type": "bearer", "refresh_token": following}
        answer = {name: value for name, value in answer.items() if value is not MISSING}
        trusting.hostile.answers["token"] = Answer(answer)
        assert refresher.trade(access).refresh_token.reveal() == wanted


@pytest.mark.accept_control
def test_a_good_answer_is_believed_with_and_without_an_id_token(trusting: Trust) -> None:
    assert refresh(trusting).subject == ME
    access = trusting.hostile.access_token()
    id_token = trusting.hostile.id_token(MISSING, access)  # type: ignore[arg-type]  # OIDC Core 12.2: without a nonce
    claims = refresh(trusting, access_token=access, id_token=id_token)
    assert (claims.subject, claims.client) == (ME, "p3idp")
    assert claims.entitlements


# ---- what a sign-in asks for and keeps, and what a consent does ----


def asked(trusting: Trust, purpose: Purpose) -> dict[str, list[str]]:
    attempt = replace(trusting.attempt(), purpose=purpose)
    return parse_qs(urlsplit(trusting.sign_in.authorization_url(attempt)).query)


@pytest.mark.parametrize("scopes", [("openid", "profile"), ("openid", "offline_access")], ids=["usual", "in policy"])
def test_offline_access_is_asked_for_with_a_consent_and_never_by_the_way(
    hostile: HostileProvider, scopes: tuple[str, ...]
) -> None:
    trusting = make_trust(hostile, scopes=scopes)
    signing_in, consenting = asked(trusting, Purpose.SIGN_IN), asked(trusting, Purpose.CONSENT)
    assert "offline_access" not in signing_in["scope"][0].split()
    assert "prompt" not in signing_in
    assert consenting["scope"][0].split().count("offline_access") == 1
    assert consenting["prompt"] == ["consent"]
    protections = ("state", "nonce", "code_challenge", "code_challenge_method", "redirect_uri", "response_type")
    assert {name: consenting[name] for name in protections} == {name: signing_in[name] for name in protections}


@pytest.mark.attack("R49")
@pytest.mark.parametrize(
    ("purpose", "told", "token"),
    [
        (Purpose.SIGN_IN, {"scope": "openid offline_access"}, None),
        (Purpose.SIGN_IN, {}, None),
        (Purpose.CONSENT, {"scope": "openid offline_access"}, "given"),
        (Purpose.CONSENT, {}, "given"),
        (Purpose.CONSENT, {"scope": "openid"}, None),
        (Purpose.CONSENT, {"scope": ["offline_access"]}, None),
        (Purpose.CONSENT, {"refresh_token": MISSING}, None),
        (Purpose.CONSENT, {"refresh_token": ["given"]}, None),
    ],
)
def test_a_refresh_token_is_taken_only_where_offline_access_was_agreed(
    trusting: Trust, purpose: Purpose, told: dict[str, object], token: str | None
) -> None:
    """Keycloak gives one with every sign-in."""
    hostile, attempt = trusting.hostile, replace(trusting.attempt(), purpose=purpose)
    hostile.token_changes = {"refresh_token": "given", **told}
    code = hostile.authorize(trusting.sign_in.authorization_url(attempt)).split("code=")[1].split("&")[0]
    found = trusting.sign_in.redeem(attempt, code, datetime.now(UTC)).refresh_token
    assert (found.reveal() if found else None) == token


@pytest.mark.attack("R45")
@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/revoke", "http://localhost/revoke", "https://localhost.evil.example/revoke", 7, [], ""],
)
def test_a_token_is_never_sent_to_be_revoked_elsewhere(trusting: Trust, elsewhere: object) -> None:
    trusting.hostile.discovery = {"revocation_endpoint": elsewhere}
    assert asking(trusting).revoke(kept(trusting.hostile)) is False
    assert trusting.sign().claims.subject == ME, "and nobody is kept out for it"


REVOCATIONS: dict[str, tuple[int, Callable[[CheckinRefresh, OfflineAccess], object] | type[P3idpError]]] = {
    "done": (200, bool),
    "refused to our client": (401, ProviderRefusedClient),
    "unsupported": (400, ProviderUnreachable),
    "down": (503, ProviderUnreachable),
}


@pytest.mark.parametrize("kind", REVOCATIONS)
def test_what_became_of_a_revocation_is_told(trusting: Trust, kind: str) -> None:
    hostile = trusting.hostile
    status, wanted = REVOCATIONS[kind]
    hostile.discovery = {"revocation_endpoint": f"{hostile.origin}/revoke"}
    hostile.answers["elsewhere"] = Answer({}, status)
    if wanted is bool:
        assert asking(trusting).revoke(kept(hostile)) is True
    else:
        with pytest.raises(wanted):  # type: ignore[arg-type]  # an error in all other rows
            asking(trusting).revoke(kept(hostile))
    _, _, form = hostile.requests[-1]
    assert form == {"token": ["the-kept-token"], "token_type_hint": ["refresh_token"]}
