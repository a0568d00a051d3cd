"""A provider of paper: it answers what it is told to, signs ID tokens with a key of its own, and remembers requests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from p3idp.client.http import Answer
from p3idp.client.identity import Identity
from p3idp.client.provider import Provider, look_up
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderUnreachable

ISSUER, CLIENT = "https://op.test/realm", "cli"
KEY = RSAKey.generate_key(2048, {"kid": "k1"})


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def claims(**other: Any) -> dict[str, Any]:
    """An ID token's; a value of None leaves the claim out."""
    moment = int(now().timestamp())
    good = {"iss": ISSUER, "sub": "mary@op.test", "aud": CLIENT, "exp": moment + 300, "iat": moment, "nonce": "n1",
            "name": "Mary"}  # fmt: skip
    return {name: value for name, value in {**good, **other}.items() if value is not None}


def id_token(key: RSAKey = KEY, header: Mapping[str, Any] | None = None, **other: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1", **(header or {})}, claims(**other), key)


def tokens(**other: Any) -> dict[str, Any]:
    """A token response; a value of None leaves the member out."""
    good = {"access_token": "opaque-access", "token_type": "Bearer", "expires_in": 300, "refresh_token": "r1",
            "id_token": id_token(), "scope": "openid offline_access"}  # fmt: skip
    return {name: value for name, value in {**good, **other}.items() if value is not None}


def mary(refresh: str | None = "r0") -> Identity:
    return Identity(ISSUER, CLIENT, "mary@op.test", "Mary", ("openid",), Secret("old-access"), now(),
                    now() + timedelta(seconds=1), Secret(refresh) if refresh else None)  # fmt: skip


@dataclass
class PaperProvider:
    """The part of `Web`. ``replies``: what the token endpoint says, one after the other; the last one stays.

    None among them is silence.
    """

    replies: list[tuple[int, object] | None] = field(default_factory=lambda: [(200, tokens())])
    device: tuple[int, object] = (400, {})
    document: dict[str, Any] = field(default_factory=dict)
    keys: list[Mapping[str, Any]] = field(default_factory=lambda: [KEY.as_dict(private=False)])
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    verify: bool = True

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        if url.endswith("/certs"):
            return answer(200, {"keys": self.keys})
        endpoints = {"authorization": "auth", "token": "token", "userinfo": "userinfo", "revocation": "revoke",
                     "device_authorization": "auth/device"}  # fmt: skip
        document = {f"{name}_endpoint": f"{ISSUER}/{path}" for name, path in endpoints.items()}
        document |= {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/certs", **self.document}
        return answer(200, {name: value for name, value in document.items() if value is not None})

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        self.asked.append((url.removeprefix(f"{ISSUER}/"), dict(form)))
        if url.endswith("/device"):
            return answer(*self.device)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply is None:
            raise ProviderUnreachable("op.test does not answer in time.")
        return answer(*reply)

    def looked_up(self) -> Provider:
        return look_up(self, ISSUER, CLIENT)  # type: ignore[arg-type]  # it stands in for Web


def answer(status: int, body: object) -> Answer:
    return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())
