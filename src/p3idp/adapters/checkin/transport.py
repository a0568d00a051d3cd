"""HTTPS to one identity provider, with bounds that hold: time in all, size, no redirects, one certificate authority.

Owns the connection. It is httpcore rather than httpx because a read time limit alone lets a server that drips a byte
a second hold a worker for ever: here every read gets what is left of the whole request's time.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import httpcore

from p3idp.core.login.strict_json import NotStrictJson, parse_object
from p3idp.errors.login import ProviderUnreachable, ProviderUntrusted
from p3idp.errors.settings import SettingsInvalid

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
MAX_BYTES = 512 * 1024
MAX_DEPTH = 12
_deadline: ContextVar[float] = ContextVar("provider_deadline", default=0.0)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered: any status but a redirect or a server error, and a body of bounded size."""

    status: int
    content_type: str
    body: bytes

    def json_object(self) -> dict[str, object]:
        """The body as one JSON object. Raises ProviderUnreachable where it is anything else."""
        try:
            if self.content_type not in {"application/json", "application/jwk-set+json"}:
                raise NotStrictJson(f"content type {self.content_type[:60]!r}")
            return parse_object(self.body, MAX_DEPTH)
        except NotStrictJson as exc:
            raise ProviderUnreachable(f"The identity provider answers nonsense instead of JSON: {exc}.") from exc


class Transport:
    """Requests to one provider. Threads share it; it reads no proxy or certificate settings of the environment."""

    def __init__(self, ca_file: Path | None, *, connect: float = CONNECT_SECONDS, total: float = TOTAL_SECONDS) -> None:
        self._connect, self._total = connect, total
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(ca_file), max_connections=32, keepalive_expiry=30.0, network_backend=_Backend()
        )

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET. Raises ProviderUnreachable, or ProviderUntrusted for a redirect or a bad certificate."""
        return self._request("GET", url, headers or {}, b"", again=True)

    def post(self, url: str, headers: Mapping[str, str], form: str, *, again: bool = False) -> Reply:
        """POST a form. ``again``: sending it twice does no harm, so a connection found closed is opened anew."""
        sent = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        return self._request("POST", url, sent, form.encode("ascii"), again=again)

    def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, again: bool) -> Reply:
        token = _deadline.set(time.monotonic() + self._total)
        try:
            try:
                return self._send(method, url, headers, body)
            except httpcore.RemoteProtocolError:
                if not again:
                    raise
                return self._send(method, url, headers, body)
        except httpcore.TimeoutException as exc:
            raise _unreachable("does not answer in time", exc) from exc
        except httpcore.ConnectError as exc:
            if _is_certificate_trouble(exc):
                raise ProviderUntrusted(
                    "The identity provider's certificate is not trusted.",
                    hint="Check ca_file of this provider in the settings, and the name and dates of its certificate.",
                    debug=str(exc),
                ) from exc
            raise _unreachable("cannot be reached", exc) from exc
        except (httpcore.NetworkError, httpcore.ProtocolError) as exc:
            raise _unreachable("breaks off the conversation", exc) from exc
        finally:
            _deadline.reset(token)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        sent = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # a body that unpacks has no bound
            "User-Agent": "p3idp",
            "Content-Length": str(len(body)),
            **headers,
        }
        with self._pool.stream(
            method,
            url,
            headers=[*sent.items()],
            content=body,
            extensions={"timeout": {"connect": self._connect, "pool": 1.0}},
        ) as response:
            if 300 <= response.status < 400:
                raise ProviderUntrusted(f"The identity provider redirects a request ({response.status}).")
            if response.status >= 500 or response.status == 429:
                raise ProviderUnreachable(f"The identity provider answers with status {response.status}.")
            return Reply(response.status, _content_type(response.headers), _bounded(response.iter_stream()))


def _bounded(chunks: Iterable[bytes]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BYTES:
            raise ProviderUnreachable(f"The identity provider answers with more than {MAX_BYTES} bytes.")
    return bytes(body)


def _content_type(headers: Iterable[tuple[bytes, bytes]]) -> str:
    values = [value for name, value in headers if name.lower() == b"content-type"]
    return values[0].decode("latin-1").split(";")[0].strip().lower() if len(values) == 1 else ""


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, with the provider's own authority where the settings name one, else the system's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as exc:
        raise SettingsInvalid(f"The certificates in {ca_file} (ca_file of a provider) cannot be read.") from exc
    return context


def _is_certificate_trouble(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _unreachable(what: str, exc: Exception) -> ProviderUnreachable:
    return ProviderUnreachable(f"The identity provider {what}.", debug=f"{type(exc).__name__}: {exc}", retry_after=10)


def _left(timeout: float | None) -> float:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for the whole request is used up")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection that gives each read and write only what is left of the request's time."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    """Opens connections whose streams know the deadline. Only the name look-up is left to the system's own limits."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Try the host's addresses one by one: each gets the time to connect, all together what is left."""
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port):
            try:
                return _Stream(super().connect_tcp(address, port, _left(timeout), local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failed = exc
        raise failed


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise httpcore.ConnectError(f"{host} cannot be looked up: {exc}") from exc
    return [str(address[0]) for *_, address in found]
