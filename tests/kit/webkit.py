"""A web door over memory: the real application and rules, with twins of the provider, Keystone and the store."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html import unescape
from itertools import count
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from stand_ins import ListedEvents, MovableClock
from werkzeug.test import TestResponse

from p3idp.adapters.memory.login import MemoryKeystoneLogin, MemoryPerson
from p3idp.adapters.memory.offline import MemoryOffline
from p3idp.adapters.memory.sessions import MemorySessions, MemorySpentAttempts
from p3idp.adapters.seal import FernetSeal
from p3idp.core.login.session import SessionLimits
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import (
    AccessRule,
    ClaimNames,
    Community,
    IdentityProvider,
    Policy,
    PolicyId,
    Project,
    ProjectRef,
    ProviderId,
    Site,
)
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderUnreachable, TokenRefused
from p3idp.ops.consent import ConsentDesk
from p3idp.ops.health import Part, Readiness
from p3idp.ops.login import SignInDesk
from p3idp.ops.offline import Offline
from p3idp.ports.checkin import Purpose, SignedIn, SignInAttempt
from p3idp.ports.offline import OfflineAccess, Traded
from p3idp.web.app import build_app
from p3idp.web.parts import WebParts
from p3idp.wiring import new_request_id, new_token, templates_directory

BASE = "https://broker.example.org"
P3, TRAINING = ProjectRef("egi", "p3"), ProjectRef("egi", "training")
OPERATOR = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator"


def provider(id_: str = "egi", title: str = "EGI Check-in") -> IdentityProvider:
    return IdentityProvider(
        ProviderId(id_), title, (f"https://{id_}.example.org",), "openid", ClaimNames(), ("openid",), timedelta(hours=8)
    )


def community(name: str, project: ProjectRef, role: str = "vm_operator", **more: object) -> Community:
    wanted = parse_entitlement(f"urn:mace:egi.eu:group:{name}:role={role}")
    assert wanted is not None
    rule = AccessRule(wanted, ((project, ("member",)),), **more)  # type: ignore[arg-type]
    return Community(name, f"Community {name}", f"ask@{name}", (Project(project),), (rule,))


def policy(*providers: IdentityProvider, communities: Iterable[Community] = ()) -> Policy:
    site = Site(PolicyId("p"), "Test site", "egi", "support@example.org", providers or (provider(),))
    served = tuple(communities) or (community("vo.access.egi.eu", P3), community("training.egi.eu", TRAINING))
    return Policy(site, served, "digest")


@dataclass
class MemoryProvider:
    """SignInClient with a memory: codes it gave, and the token calls it got."""

    clock: MovableClock
    always_names_issuer: bool = True
    down: bool = False
    refuses: str = ""
    gives_offline: bool = True
    token_calls: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    codes: dict[str, tuple[str, Mapping[str, object]]] = field(default_factory=dict)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def authorization_url(self, attempt: SignInAttempt) -> str:
        if self.down:
            raise ProviderUnreachable("The identity provider does not answer.")
        query = urlencode({"state": attempt.state, "nonce": attempt.nonce, "for": attempt.purpose.value})
        return f"https://{attempt.provider}.example.org/auth?{query}"

    def issuer_of(self, provider: str) -> tuple[str, bool]:
        return f"https://{provider}.example.org", self.always_names_issuer

    def agree(self, url: str, **claims: object) -> dict[str, str]:
        """A person signs in at the provider: the parameters of the callback."""
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        code = f"code-{next(self._ids)}"
        self.codes[code] = (asked["nonce"], {"issuer": f"https://{parts.netloc}", **claims})
        return {"code": code, "state": asked["state"], "iss": f"https://{parts.netloc}"}

    def redeem(self, attempt: SignInAttempt, code: str, now: datetime) -> SignedIn:
        self.token_calls.append(code)
        nonce, claims = self.codes.pop(code, ("", {}))
        if self.refuses or nonce != attempt.nonce:
            raise TokenRefused(self.refuses or "code-refused", "The sign-in is not accepted.")
        made = VerifiedClaims(
            provider=ProviderId(attempt.provider),
            issuer=str(claims["issuer"]),
            subject="alice@egi.eu",
            client="p3idp",
            issued_at=now,
            expires_at=now + timedelta(hours=1),
            entitlements=(OPERATOR + "#aai.egi.eu",),
            assurance=(),
            scopes=("openid",),
            display_name="Alice Example",
            shown={},
        )
        changes = {name: value for name, value in claims.items() if name != "issuer"}
        given = attempt.purpose is Purpose.CONSENT and self.gives_offline
        token = Secret(f"refresh-token-of-{code}") if given else None
        return SignedIn(replace(made, **changes), RawToken(Secret("the-access-token")), token)  # type: ignore[arg-type]

    def revoke(self, access: OfflineAccess) -> bool:
        if self.down:
            raise ProviderUnreachable("The identity provider does not answer.")
        self.revoked.append(access.refresh_token.reveal())
        return True

    def trade(self, access: OfflineAccess) -> Traded:
        raise AssertionError("the web service never uses a refresh token")

    def believe(self, access: OfflineAccess, traded: Traded, now: datetime) -> VerifiedClaims:
        raise AssertionError("the web service never uses a refresh token")


class Door:
    """The application with everything behind it in reach."""

    def __init__(
        self,
        policy_: Policy | None = None,
        parts: tuple[Part, ...] = (),
        metrics_token: str = "",
        *,
        consents: bool = True,
    ) -> None:
        self.clock = MovableClock()
        self.policy = policy_ or policy()
        self.provider = MemoryProvider(self.clock)
        self.keystone = MemoryKeystoneLogin(self.clock)
        self.keystone.people["the-access-token"] = MemoryPerson("alice", {P3: ("member", "reader")})
        self.sessions, self.spent, self.ledger = MemorySessions(), MemorySpentAttempts(), ListedEvents()
        self.desk = SignInDesk(
            policy=lambda: self.policy,
            client=self.provider,
            keystone=self.keystone,
            sessions=self.sessions,
            spent=self.spent,
            ledger=self.ledger,
            limits=SessionLimits(timedelta(minutes=60), timedelta(hours=8)),
            clock=self.clock,
            new_token=new_token,
        )
        self.consents = MemoryOffline()
        self.seal = FernetSeal(Secret(Fernet.generate_key().decode()), "sign-in attempt")
        self.parts = WebParts(
            base_url=BASE,
            desk=self.desk,
            attempts=self.seal,
            readiness=Readiness(parts, self.clock),
            clock=self.clock,
            new_request_id=new_request_id,
            templates=templates_directory("web"),
            metrics_token=Secret(metrics_token) if metrics_token else None,
            consent=self.consent_desk() if consents else None,
        )
        self.app: Flask = build_app(self.parts)

    def consent_desk(self) -> ConsentDesk:
        """Where people of this door consent to be asked about while away."""
        return ConsentDesk(
            policy=self.desk.policy,
            client=self.provider,
            spent=self.spent,
            offline=Offline(self.consents, self.provider, lambda: self.ledger),
            clock=self.clock,
            new_token=new_token,
            ask_every=timedelta(minutes=15),
            lasts=self.consents.lasts,
        )

    def browser(self) -> FlaskClient:
        """A new browser, without cookies."""
        return self.app.test_client()

    def bare(self, cookie: str, path: str, **query: str) -> TestResponse:
        """GET with this Cookie header to the letter; the test client's own jar would replace it."""
        client = self.app.test_client(use_cookies=False)
        return client.get(path, base_url=BASE, query_string=query, headers={"Cookie": cookie})

    def begin(self, browser: FlaskClient, provider: str = "egi", **query: str) -> str:
        """Where the browser is sent."""
        reply = get(browser, f"/login/{provider}", **query)
        assert reply.status_code == 303, reply.text
        return reply.location

    def press(self, browser: FlaskClient, button: str) -> TestResponse:
        """Press "keep" or "stop" on the access page."""
        page = get(browser, "/access").text
        form = re.search(rf'action="/access/{button}">\s*<input type="hidden" name="(\w+)" value="(\w+)"', page)
        assert form, f"there is no button {button}"
        return browser.post(f"/access/{button}", base_url=BASE, data=dict([form.groups()]), headers={"Origin": BASE})

    def consent(self, browser: FlaskClient, **claims: object) -> TestResponse:
        """Press "keep" and agree; the answer of the callback. ``claims``: who agreed."""
        url = leads_to(self.press(browser, "keep"))
        answer = self.provider.agree(url, **claims)
        return get(browser, f"/login/{urlsplit(url).netloc.split('.')[0]}/callback", **answer)

    def sign_in(self, browser: FlaskClient, provider: str = "egi", **claims: object) -> TestResponse:
        """A whole sign-in; the answer of the callback."""
        answer = self.provider.agree(self.begin(browser, provider), **claims)
        return get(browser, f"/login/{provider}/callback", **answer)


def get(browser: FlaskClient, path: str, headers: Mapping[str, str] | None = None, **query: str) -> TestResponse:
    """GET over https, as browsers come."""
    return browser.get(path, base_url=BASE, query_string=query, headers=headers)


def leads_to(reply: TestResponse) -> str:
    """Where a page that only sends on sends the browser."""
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', reply.text)
    assert found, reply.text
    return unescape(found[1])


def text_of(reply: TestResponse) -> str:
    """What a reader sees: without tags, in one line."""
    body = re.sub(r"<(style|head)\b.*?</\1>", "", reply.text, flags=re.S).replace("<wbr>", "")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).strip()
