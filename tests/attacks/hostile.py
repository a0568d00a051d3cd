"""An OpenID Provider that does whatever a test tells it to: a real TLS server on loopback, on a free port.

Left alone it behaves as Check-in does, and a whole sign-in works against it. A test changes what discovery says
(``discovery``), which keys are published (``published``), what any endpoint answers (``answers``), and what tokens say
(``access_token``, ``id_token``, ``sign``); ``counts`` holds the requests per endpoint.
"""

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey, RSAKey

REALM = "/auth/realms/hostile"
PROTOCOL = REALM + "/protocol/openid-connect"
PATHS = {
    REALM + "/.well-known/openid-configuration": "discovery",
    PROTOCOL + "/certs": "jwks",
    PROTOCOL + "/auth": "auth",
    PROTOCOL + "/token": "token",
    PROTOCOL + "/token/introspect": "introspection",
    PROTOCOL + "/userinfo": "userinfo",
}
VM_OPERATOR = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"
SCOPES = "openid profile email voperson_id eduperson_entitlement entitlements eduperson_assurance"


class _Missing:
    """A claim or header given this value is left out."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True)
class Answer:
    """What an endpoint answers. ``delay`` before anything, ``drip`` between two bytes (headers too), in seconds;
    ``endless``: that many bytes follow the body."""

    body: object = b""
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    drip: float = 0.0
    endless: int = 0

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Key:
    """A private key and how it is published; ``jwk`` is the public half."""

    kid: str | None
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def jwk(self) -> dict[str, object]:
        family = RSAKey if isinstance(self.private, rsa.RSAPrivateKey) else ECKey
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # weak keys are what some tests are about
            public = family.import_key(self.private).as_dict(private=False)
        named = {} if self.kid is None else {"kid": self.kid}
        return {
            **{name: public[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in public},
            **named,
            **self.more,
        }


def rsa_key(kid: str | None, bits: int = 2048) -> Key:
    return Key(kid, rsa.generate_private_key(65537, bits), {"use": "sig", "alg": "RS256"})


def ec_key(kid: str | None) -> Key:
    return Key(kid, ec.generate_private_key(ec.SECP256R1()), {"use": "sig", "alg": "ES256"})


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def sign(header: object, claims: object, key: Key | bytes | None, alg: str = "RS256") -> str:
    """A compact JWS of any header and claims (objects or bytes). ``key``: bytes sign HMAC, None leaves it unsigned."""
    text = f"{b64(as_bytes(header))}.{b64(as_bytes(claims))}"
    return f"{text}.{b64(signature(text.encode(), key, alg))}"


def signature(text: bytes, key: Key | bytes | None, alg: str) -> bytes:
    if key is None:
        return b""
    if isinstance(key, bytes):
        return hmac.digest(key, text, {"256": "sha256", "384": "sha384", "512": "sha512"}[alg[2:]])
    if isinstance(key.private, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.private.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return key.private.sign(text, pss if alg == "PS256" else padding.PKCS1v15(), hashes.SHA256())


def without_missing(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not MISSING}


class HostileProvider:
    """The provider's state and the server in front of it. ``reset`` makes it behave again."""

    client_id = "p3idp"
    client_secret = "hostile & sec:ret/ü"  # characters that client_secret_basic must encode

    def __init__(self, directory: Path) -> None:
        self.good, self.spare, self.ec = rsa_key("good"), rsa_key("spare"), ec_key("curve")
        self.attacker = rsa_key("good")
        authority = trustme.CA()
        self.ca_file = directory / "hostile-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._server = _server(self, authority)
        self.port: int = self._server.server_address[1]
        self.origin = f"https://localhost:{self.port}"
        self.issuer = self.origin + REALM
        self.reset()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        """Behave as Check-in does, with one person signed in everywhere."""
        self.counts: Counter[str] = Counter()
        self.requests: list[tuple[str, dict[str, str], dict[str, list[str]]]] = []
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.discovery: dict[str, object] = {}
        self.published: list[object] = [self.good.jwk]
        self.signing_key = self.good
        self.person: dict[str, object] = {
            "sub": "mallory@egi.eu",
            "voperson_id": "mallory@egi.eu",
            "name": "Mallory Example",
            "preferred_username": "mallory",
            "email": "mallory@example.org",
            "entitlements": [VM_OPERATOR],
            "eduperson_entitlement": [VM_OPERATOR],
            "eduperson_assurance": ["https://aai.egi.eu/LoA#Substantial"],
        }
        # What tokens of the token endpoint say otherwise, what introspection and userinfo say otherwise,
        # and what the callback says: parameters to change, drop (MISSING) or repeat (a list).
        self.id_token_changes: dict[str, object] = {}
        self.id_token_header: dict[str, object] = {}
        self.access_token_changes: dict[str, object] = {}
        self.token_changes: dict[str, object] = {}
        self.introspection_changes: dict[str, object] = {}
        self.userinfo_changes: dict[str, object] = {}
        self.callback_changes: dict[str, object] = {}
        self._codes: dict[str, dict[str, str]] = {}

    # ---- tokens ----

    def header(self, typ: str = "JWT", **changes: object) -> dict[str, object]:
        return without_missing({"alg": "RS256", "typ": typ, "kid": self.signing_key.kid or MISSING, **changes})

    def access_claims(self, **changes: object) -> dict[str, object]:
        """Claims in Check-in's shape: no aud, no entitlements."""
        now = int(time.time())
        told = {"exp": now + 3600, "iat": now, "jti": "t-1", "iss": self.issuer, "sub": self.person["sub"]}
        told |= {"typ": "Bearer", "azp": "p3idp", "client_id": "p3idp", "scope": SCOPES}
        return without_missing({**told, "voperson_id": self.person["voperson_id"], **changes})

    def id_claims(self, nonce: str, access_token: str = "", **changes: object) -> dict[str, object]:
        now = int(time.time())
        told = {"exp": now + 300, "iat": now, "auth_time": now, "jti": "i-1", "iss": self.issuer, "typ": "ID"}
        told |= {"aud": self.client_id, "azp": self.client_id, "sub": self.person["sub"], "nonce": nonce}
        half = b64(hashlib.sha256(access_token.encode()).digest()[:16])
        return without_missing({**told, "at_hash": half if access_token else MISSING, **changes})

    def access_token(self, header: Mapping[str, object] | None = None, **changes: object) -> str:
        return sign(self.header(**(header or {})), self.access_claims(**changes), self.signing_key)

    def id_token(
        self, nonce: str, access_token: str = "", header: Mapping[str, object] | None = None, **changes: object
    ) -> str:
        return sign(self.header(**(header or {})), self.id_claims(nonce, access_token, **changes), self.signing_key)

    # ---- what a browser would do ----

    def authorize(self, url: str) -> str:
        """Sign the person in at an authorization URL; the callback URL the browser is sent to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        told = {"code": code, "state": asked.get("state", ""), "iss": self.issuer, **self.callback_changes}
        return asked["redirect_uri"] + "?" + urlencode(without_missing(told), doseq=True)

    # ---- what the endpoints say, unless told otherwise ----

    def answer(self, endpoint: str, query: dict[str, list[str]], headers: dict[str, str]) -> Answer:
        self.counts[endpoint] += 1
        self.requests.append((endpoint, headers, query))
        told = self.answers.get(endpoint)
        if told is not None:
            return told() if callable(told) else told
        behave: Callable[..., Answer] = getattr(self, "_" + endpoint, lambda *_: Answer(status=404))
        return behave(query, headers)

    def _discovery(self, *_: object) -> Answer:
        at = self.origin + PROTOCOL
        told: dict[str, object] = {
            "issuer": self.issuer,
            "authorization_endpoint": at + "/auth",
            "token_endpoint": at + "/token",
            "jwks_uri": at + "/certs",
            "introspection_endpoint": at + "/token/introspect",
            "userinfo_endpoint": at + "/userinfo",
            "authorization_response_iss_parameter_supported": True,
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return Answer(without_missing({**told, **self.discovery}))

    def _jwks(self, *_: object) -> Answer:
        return Answer({"keys": self.published})

    def _token(self, form: dict[str, list[str]], headers: dict[str, str]) -> Answer:
        if not self._is_our_client(headers):
            return Answer({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form.get("code", [""])[0], None)
        verifier = form.get("code_verifier", [""])[0]
        if asked is None or b64(hashlib.sha256(verifier.encode()).digest()) != asked.get("code_challenge"):
            return Answer({"error": "invalid_grant"}, 400)
        access = self.access_token(**self.access_token_changes)
        id_token = self.id_token(asked.get("nonce", ""), access, self.id_token_header, **self.id_token_changes)
        told = {"access_token": access, "id_token": id_token, "token_type": "Bearer", "expires_in": 3600}
        return Answer(without_missing({**told, **self.token_changes}))

    def _introspection(self, form: dict[str, list[str]], headers: dict[str, str]) -> Answer:
        if not self._is_our_client(headers):
            return Answer({"error": "invalid_client"}, 401)
        told = {"active": True, "token_type": "Bearer", "iss": self.issuer, **self.person, "name": MISSING}
        return Answer(without_missing({**told, **self.introspection_changes}))

    def _userinfo(self, *_: object) -> Answer:
        return Answer(without_missing({**self.person, **self.userinfo_changes}))

    def _auth(self, query: dict[str, list[str]], _: object) -> Answer:
        url = self.origin + PROTOCOL + "/auth?" + urlencode(query, doseq=True)
        return Answer(status=302, headers=(("Location", self.authorize(url)),))

    def _is_our_client(self, headers: dict[str, str]) -> bool:
        given = base64.b64decode(headers.get("authorization", "").removeprefix("Basic ")).decode()
        return [unquote_plus(part) for part in given.split(":")] == [self.client_id, self.client_secret]


def _server(provider: HostileProvider, authority: trustme.CA) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(parse_qs(urlsplit(self.path).query))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._serve(parse_qs(body))

        def _serve(self, query: dict[str, list[str]]) -> None:
            endpoint = PATHS.get(urlsplit(self.path).path, "elsewhere")
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(provider.answer(endpoint, query, headers))

        def _send(self, answer: Answer) -> None:
            time.sleep(answer.delay)
            size = len(answer.content) + answer.endless
            head = [
                f"HTTP/1.1 {answer.status} Whatever",
                f"Content-Type: {answer.content_type}",
                f"Content-Length: {size}",
            ]
            head += [f"{name}: {value}" for name, value in answer.headers]
            message = "\r\n".join([*head, "", ""]).encode() + answer.content
            step = 1 if answer.drip else len(message)
            for start in range(0, len(message), step):
                self.wfile.write(message[start : start + step])
                time.sleep(answer.drip)
            for _ in range(answer.endless // 65536):
                self.wfile.write(b" " * 65536)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # the other side giving up is what many a test is about

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
