"""The device flow against a provider of paper: how often it is asked, and how each answer ends (RFC 8628)."""

from dataclasses import dataclass, field

import pytest
from paper_provider import ISSUER, PaperProvider, id_token, tokens

from p3idp.client.flows.device import DeviceCode, Patience, by_device
from p3idp.errors import ExitStatus, P3idpError
from p3idp.errors.sign_in import SignInDenied, SignInFailed, SignInTimedOut

CODE = {"device_code": "secret-device", "user_code": "ABCD-EFGH", "verification_uri": f"{ISSUER}/device",
        "verification_uri_complete": f"{ISSUER}/device?user_code=ABCD-EFGH", "expires_in": 600}  # fmt: skip
DONE = (200, tokens(id_token=id_token(nonce=None)))


def error(name: str, status: int = 400) -> tuple[int, object]:
    return status, {"error": name}


@dataclass
class Clock:
    """Time passes only by sleeping."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def patience(self) -> Patience:
        return Patience(lambda: self.at, self.sleep)


def sign_in(paper: PaperProvider, clock: Clock, shown: list[DeviceCode] | None = None) -> object:
    return by_device(paper.looked_up(), ("openid", "entitlements"), (shown or []).append, clock.patience())


def paper_with(*replies: tuple[int, object] | None, **code: object) -> PaperProvider:
    return PaperProvider(list(replies), device=(200, {**CODE, **code}))


def test_it_asks_until_somebody_agreed_and_shows_what_the_provider_shows():
    paper, clock, shown = paper_with(error("authorization_pending"), error("authorization_pending"), DONE), Clock(), []
    identity = by_device(paper.looked_up(), ("openid", "entitlements"), shown.append, clock.patience())
    assert identity.subject == "mary@op.test"
    assert clock.slept == [5, 5, 5]  # section 3.2: without an interval, five seconds
    (code,) = shown
    assert (code.user_code, code.link) == ("ABCD-EFGH", f"{ISSUER}/device")
    (_, begun), *polls = paper.asked
    assert begun["scope"] == "openid entitlements"
    assert begun["code_challenge_method"] == "S256"
    assert all(form["device_code"] == "secret-device" and form["code_verifier"] for _, form in polls)


@pytest.mark.parametrize(
    ("replies", "slept"),
    [
        ((error("slow_down"), DONE), [5, 10]),
        ((error("slow_down"), error("authorization_pending"), error("slow_down"), DONE), [5, 10, 10, 15]),
        ((error("too_many", 429), DONE), [5, 10]),
        ((None, None, error("authorization_pending"), DONE), [5, 10, 20, 20]),
    ],
    ids=["slow_down", "for all that follow", "429", "silence"],
)
def test_it_slows_down_and_backs_off(replies: tuple[tuple[int, object] | None, ...], slept: list[float]):
    """D01, and RFC 8628 section 3.5."""
    clock = Clock()
    sign_in(paper_with(*replies), clock)
    assert clock.slept == slept


@pytest.mark.parametrize(
    ("reply", "kind", "status"),
    [
        (error("access_denied"), SignInDenied, ExitStatus.REFUSED),
        (error("expired_token"), SignInTimedOut, ExitStatus.SIGN_IN_NEEDED),
        (error("invalid_grant"), SignInFailed, ExitStatus.REFUSED),
        (error("invalid_client", 401), SignInFailed, ExitStatus.REFUSED),
        ((400, b"<html>"), SignInFailed, ExitStatus.REFUSED),
        ((200, tokens(id_token=None)), SignInFailed, ExitStatus.REFUSED),
        ((200, tokens(id_token=id_token(aud="other", nonce=None))), SignInFailed, ExitStatus.REFUSED),
    ],
    ids=["denied", "expired", "unknown code", "another's client", "html", "no ID token", "ID token of another"],
)
def test_what_ends_it_ends_it_at_once(reply: tuple[int, object], kind: type[P3idpError], status: ExitStatus):
    """D02, D03, D05 and D06."""
    clock = Clock()
    with pytest.raises(kind) as ended:
        sign_in(paper_with(reply), clock)
    assert clock.slept == [5]
    assert ended.value.exit_status == status
    assert "secret-device" not in f"{ended.value.detail} {ended.value.hint}"


@pytest.mark.parametrize("reply", [error("authorization_pending"), None], ids=["pending", "silent"])
def test_it_never_outlives_its_code(reply: tuple[int, object] | None):
    clock = Clock()
    with pytest.raises(SignInTimedOut):
        sign_in(paper_with(reply, expires_in=60), clock)
    assert clock.at < 60


@pytest.mark.parametrize(
    "code",
    [
        {"device_code": None},
        {"user_code": ""},
        {"user_code": "\x1b[2J"},
        {"user_code": "x" * 41},
        {"user_code": "АBCD"},  # noqa: RUF001 - a letter that only looks like A
        {"verification_uri": "http://op.test/device"},
        {"verification_uri": "https://op.test/\x1b[2J"},
        {"verification_uri": 7},
        {"verification_uri": f"{ISSUER}/{'x' * 5000}"},
    ],
    ids=["no code", "empty", "escape", "long", "look-alike", "http", "escape in link", "number", "long link"],
)
def test_a_code_that_cannot_be_shown_is_none(code: dict[str, object]):
    shown: list[DeviceCode] = []
    with pytest.raises(SignInFailed):
        by_device(paper_with(DONE, **code).looked_up(), ("openid",), shown.append, Clock().patience())
    assert shown == []


@pytest.mark.parametrize(("given", "used"), [(1, 1), (0, 1), (-3, 5), ("9", 5), (True, 5), (30, 30)])
def test_an_interval_is_a_sane_number(given: object, used: float):
    clock = Clock()
    sign_in(paper_with(DONE, interval=given), clock)
    assert clock.slept == [used]


@pytest.mark.parametrize("link", ["javascript:x", f"{ISSUER}/{'x' * 5000}"], ids=["script", "fits no QR code"])
def test_a_link_with_the_code_in_it_is_shown_only_where_it_is_https_and_short(link: str):
    shown: list[DeviceCode] = []
    by_device(paper_with(DONE, verification_uri_complete=link).looked_up(), (), shown.append, Clock().patience())
    assert shown[0].complete == ""


def test_without_a_device_endpoint_it_says_what_else_there_is():
    paper = PaperProvider(document={"device_authorization_endpoint": None})
    with pytest.raises(SignInFailed) as refused:
        sign_in(paper, Clock())
    assert "--flow" in refused.value.hint
    assert paper.asked == []
