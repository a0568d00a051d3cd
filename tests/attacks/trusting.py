"""p3idp's own verifier and sign-in client against the hostile provider, with a clock that a test moves."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hostile import SCOPES, HostileProvider

from p3idp.adapters.checkin.sign_in import CheckinSignIn
from p3idp.adapters.checkin.transport import Transport
from p3idp.adapters.checkin.verifier import CheckinVerifier, trust
from p3idp.core.login.rules import Expected
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.model import ClaimNames, IdentityProvider, ProviderId
from p3idp.core.secret import Secret
from p3idp.ports.checkin import SignedIn, SignInAttempt

NONCE = "n-of-this-browser"
BASE_URL = "https://localhost:18443"


class Clock:
    """A clock that goes forward when told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Trust:
    """p3idp's own verifier and sign-in client, as wired, against the hostile provider, with a clock of the test's."""

    hostile: HostileProvider
    clock: Clock
    verifier: CheckinVerifier
    sign_in: CheckinSignIn

    def verify(self, token: str, now: datetime | None = None) -> VerifiedClaims:
        return self.verifier.verify_access_token(RawToken(Secret(token)), now or datetime.now(UTC))

    def expected(self) -> Expected:
        """What the tokens of forgeries.py are held against."""
        clients = frozenset({"p3idp", "p3idp-cli"})
        return Expected(self.hostile.issuer, "p3idp", datetime.now(UTC), clients, nonce=NONCE)

    def attempt(self, nonce: str = NONCE) -> SignInAttempt:
        end = datetime.now(UTC) + timedelta(minutes=10)
        return SignInAttempt("1", "hostile", "state", nonce, "v" * 43, "/", end)

    def sign(self, nonce: str = NONCE, asked: str | None = None, now: datetime | None = None) -> SignedIn:
        """A whole sign-in; ``asked``: the nonce the provider was asked for, where it is another browser's."""
        url = self.sign_in.authorization_url(self.attempt(asked or nonce))
        code = self.hostile.authorize(url).split("code=")[1].split("&")[0]
        return self.sign_in.redeem(self.attempt(nonce), code, now or datetime.now(UTC))


def provider_of(hostile: HostileProvider, **changes: object) -> IdentityProvider:
    given = {
        "id": ProviderId("hostile"),
        "title": "Hostile provider",
        "issuers": (hostile.issuer,),
        "protocol": "openid",
        "claims": ClaimNames(subject="voperson_id"),
        "scopes": tuple(SCOPES.split()),
        "authorization_ttl": timedelta(hours=8),
        "issuing_clients": ("p3idp", "p3idp-cli"),
    }
    return IdentityProvider(**{**given, **changes})  # type: ignore[arg-type]


def make_trust(
    hostile: HostileProvider,
    *,
    total: float = 10.0,
    cache: float = 30.0,
    over: Transport | None = None,
    **policy: object,
) -> Trust:
    """Fresh caches; ``over`` a connection that is open already, where a test needs many of these."""
    clock = Clock()
    secret = Secret(hostile.client_secret)
    transport = over or Transport(hostile.ca_file, connect=3.0, total=total)
    provider = provider_of(hostile, **policy)
    trusted = trust(provider, hostile.client_id, lambda: secret, transport, clock, cache)
    return Trust(hostile, clock, CheckinVerifier(trusted), CheckinSignIn({"hostile": trusted[0]}, BASE_URL))
