"""A site as small as can be: a provider, a broker and a Keystone on real sockets, which break as a test wants.

Every token that it gives is remembered, so that a test can look for each of them where none may be.
"""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import trustme
from joserfc import jwt
from joserfc.jwk import RSAKey

from p3idp.core.exchange.request import KEYSTONE_TOKEN

KEY = RSAKey.generate_key(2048, {"kid": "k1"})
AUTHORITY = trustme.CA()
Reply = tuple[int, Mapping[str, str], object]


@dataclass
class Asked:
    """A request: its path, query, form or JSON, and headers by lower-case name."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, Any]
    headers: dict[str, str]


@dataclass
class SmallServer:
    """One server. ``answer`` is set by its owner; ``silent``: accepts and never answers; ``status``: says only that.

    ``drip``: seconds from byte to byte. ``skew``: how far its clock is ahead; ``date``: what it says instead.
    """

    answer: Callable[[Asked], Reply] = lambda _: (404, {}, {})
    silent: bool = False
    status: int | None = None
    raw: bytes | None = None
    drip: float = 0
    skew: timedelta = timedelta(0)
    date: str = ""
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    _over: Event = field(default_factory=Event)

    def start(self, certificate: trustme.LeafCert | None = None) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (certificate or AUTHORITY.issue_cert("localhost")).configure_cert(context)
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def stop(self) -> None:
        """Nobody listens at its port any more."""
        if self._over.is_set():
            return
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.silent:
            self._over.wait(60)
        if self.status is not None:
            return self.status, {}, {"error": "broken"}
        return self.answer(asked) if self.raw is None else (200, {}, self.raw)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:  # a client that left
                    self.close_connection = True

            def any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                is_json = "json" in (self.headers.get("Content-Type") or "")
                form = json.loads(body) if is_json else dict(parse_qsl(body.decode()))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), form, headers)
                status, extra, said = server._reply(asked)
                text = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                for name, value in {**extra, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                for at in range(len(text) if server.drip else 0):
                    self.wfile.write(text[at : at + 1])
                    server._over.wait(server.drip)
                self.wfile.write(b"" if server.drip else text)

            do_GET = do_POST = do_DELETE = do_HEAD = any

            def date_time_string(self, timestamp: float | None = None) -> str:
                return server.date or format_datetime(datetime.now(UTC) + server.skew, usegmt=True)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class SmallSite:
    """All three. The person who signs in is Mary, unless ``subject`` is another's; she works in p3@egi."""

    def __init__(self, ca_file: Path) -> None:
        self.ca_file, self.client = ca_file, "cli"
        AUTHORITY.cert_pem.write_to_path(str(ca_file))
        self.provider, self.broker, self.keystone = servers = SmallServer(), SmallServer(), SmallServer()
        for server in servers:
            server.start()
        self.provider.answer, self.broker.answer, self.keystone.answer = self._provider, self._broker, self._keystone
        self.issued: list[str] = []  # every secret that anybody here ever gave
        self.good: set[str] = set()  # the refresh tokens that were not used yet: one a sign-in
        self.nonce, self.life, self.subject = "", 3600, "mary@op.test"

    @property
    def issuer(self) -> str:
        return f"{self.provider.url}/realm"

    def options(self) -> list[str]:
        return [f"--broker={self.broker.url}", "--cloud=small", f"--ca-file={self.ca_file}"]

    def sign_in(self, url: str) -> None:
        """What a person does in a browser."""
        with httpx.Client(verify=ssl.create_default_context(cafile=str(self.ca_file)), trust_env=False) as person:
            back = person.get(url).headers["location"]
            person.get(back)

    def secret(self, kind: str) -> str:
        self.issued.append(f"canary-{kind}-{len(self.issued)}-7Qx9")
        return self.issued[-1]

    def _provider(self, asked: Asked) -> Reply:
        match asked.path.removeprefix("/realm/"):
            case ".well-known/openid-configuration":
                names = {"authorization": "auth", "token": "token", "userinfo": "userinfo", "revocation": "revoke"}
                endpoints = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()}
                return 200, {}, {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/certs", **endpoints}
            case "certs":
                return 200, {}, {"keys": [KEY.as_dict(private=False)]}
            case "auth":
                self.nonce = asked.query.get("nonce", "")
                back = {"state": asked.query["state"], "iss": self.issuer, "code": self.secret("code")}
                return 302, {"Location": f"{asked.query['redirect_uri']}?{urlencode(back)}"}, {}
            case "token":
                return self._token(asked.form)
            case "revoke":
                return 200, {}, {}
        return 404, {}, {}

    def _token(self, form: Mapping[str, str]) -> Reply:
        if form.get("client_id") != self.client:
            return 401, {}, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token" and form["refresh_token"] not in self.good:
            return 400, {}, {"error": "invalid_grant"}
        self.good.discard(form.get("refresh_token", ""))  # it turns
        refresh = self.secret("refresh")
        self.good.add(refresh)
        moment = int((datetime.now(UTC) + self.provider.skew).timestamp())
        nonce = {"nonce": self.nonce} if form["grant_type"] == "authorization_code" else {}
        claims = {"iss": self.issuer, "sub": self.subject, "aud": self.client, "exp": moment + 300, "iat": moment,
                  "name": "Mary", **nonce}  # fmt: skip
        id_token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY)
        self.issued.append(id_token)
        return 200, {}, {"access_token": self.secret("access"), "refresh_token": refresh,
                         "id_token": id_token, "token_type": "Bearer", "expires_in": self.life}  # fmt: skip

    def _broker(self, asked: Asked) -> Reply:
        if asked.path == "/.well-known/oauth-protected-resource":
            return 200, {}, {
                "resource": self.broker.url, "authorization_servers": [self.issuer], "p3idp_client_id": self.client,
                "openstack_auth_url": f"{self.keystone.url}/v3", "openstack_identity_provider": "egi",
                "openstack_protocol": "openid", "scopes_supported": ["openid"],
            }  # fmt: skip
        if asked.path != "/oauth/token":
            return 404, {}, {}
        if asked.form.get("subject_token") not in self.issued:
            return 401, {}, {"error": "invalid_request", "error_description": "Not of ours."}
        return 200, {}, {
            "access_token": self.secret("keystone"), "issued_token_type": KEYSTONE_TOKEN,
            "token_type": "N_A", "expires_in": 3600, "scope": "project:p3@egi",
            "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
            "resource": f"{self.keystone.url}/v3/projects/0a1b",
        }  # fmt: skip

    def _keystone(self, asked: Asked) -> Reply:
        ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        project = {"id": "0a1b", "name": "p3", "domain": {"name": "egi"}}
        token = {"expires_at": ends, "issued_at": ends, "project": project,
                 "roles": [{"name": "member"}], "user": {"id": "u1", "name": "mary"}}  # fmt: skip
        match asked.method, asked.path.removeprefix("/v3"):
            case "GET", "" | "/":
                return 200, {}, {"version": {"id": "v3.14", "status": "stable"}}
            case "GET", "/auth/projects":
                return 200, {}, {"projects": [{"id": "0a1b", "name": "p3"}]}
            case "GET", "/auth/tokens":
                return 200, {"X-Subject-Token": asked.headers["x-subject-token"]}, {"token": token}
            case "DELETE", "/auth/tokens":
                return 204, {}, b""
            case "POST", _:
                return 201, {"X-Subject-Token": self.secret("keystone")}, {"token": token}
        return 404, {}, {}


@contextmanager
def small_site(directory: Path) -> Iterator[SmallSite]:
    site = SmallSite(directory / "small-ca.pem")
    try:
        yield site
    finally:
        for server in (site.provider, site.broker, site.keystone):
            server.stop()
