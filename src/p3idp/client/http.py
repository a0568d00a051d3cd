"""HTTPS from a researcher's machine. Owns its bounds: no redirects, nothing of the environment, size and time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from p3idp.core.login.strict_json import NotStrictJson, parse_object
from p3idp.errors.login import ProviderUnreachable, ProviderUntrusted

if TYPE_CHECKING:
    from requests import Response

_TIMEOUTS = (5, 15)  # seconds to connect, and between bytes
_TOTAL_SECONDS = 30
_MOST_BYTES = 512 * 1024
DEPTH = 24
_LATER = "Try again later; `p3idp doctor` says what this machine reaches."


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers by lower-case name, and a body of bounded size. Tokens are in both, so neither is shown."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json_object(self) -> dict[str, object]:
        """The body as one JSON object. Raises ProviderUnreachable where it is anything else."""
        try:
            return parse_object(self.body, DEPTH)
        except NotStrictJson as exc:
            raise ProviderUnreachable("The server answers something else than JSON.") from exc


@dataclass(frozen=True, slots=True)
class Web:
    """How servers are reached: ``verify`` is a bundle's file, or True for the system's authorities."""

    verify: str | bool = True

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """GET. Raises ProviderUnreachable, or ProviderUntrusted for a certificate or a redirect."""
        return self._ask("GET", url, headers or {}, None)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """POST a form. Raises as get does."""
        return self._ask("POST", url, headers or {}, dict(form))

    def post_json(self, url: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """POST JSON. Raises as get does."""
        return self._ask("POST", url, headers or {}, None, body)

    def delete(self, url: str, headers: Mapping[str, str]) -> Answer:
        """DELETE. Raises as get does."""
        return self._ask("DELETE", url, headers, None)

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], form: dict[str, str] | None, json: Any = None
    ) -> Answer:
        import requests  # a third of a command's start, which one with a fresh cache need not wait for

        from p3idp.client.trust import check_bundle, distrust

        if not url.startswith("https://"):
            raise ProviderUntrusted("An address that is not https was not asked.", hint="Use the https address.")
        with requests.Session() as session:
            session.trust_env = False
            try:
                reply = session.request(
                    method,
                    url,
                    data=form,
                    json=json,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
                    timeout=_TIMEOUTS,
                    verify=self.verify,
                    allow_redirects=False,
                    stream=True,
                )
                body = bounded(reply)
            except requests.exceptions.SSLError as exc:
                check_bundle(self.verify)
                why = distrust(exc)
                raise ProviderUntrusted(f"The certificate of {_host(url)} {why.why}.", hint=why.hint) from exc
            except (requests.RequestException, OSError, ValueError) as exc:  # urllib3 says ValueError of odd hosts
                check_bundle(self.verify)  # requests takes a file that is not there for a server that is not
                when = " in time" if isinstance(exc, requests.Timeout) else ""
                raise ProviderUnreachable(f"{_host(url)} does not answer{when}.", hint=_LATER) from exc
        if 300 <= reply.status_code < 400:
            raise ProviderUntrusted(f"{_host(url)} sends requests elsewhere; nothing was sent there.")
        if reply.status_code >= 500:
            raise ProviderUnreachable(f"{_host(url)} answers with status {reply.status_code}.", hint=_LATER)
        return Answer(reply.status_code, {k.lower(): v for k, v in reply.headers.items()}, body)


def is_token(value: object) -> TypeGuard[str]:
    """Whether it can be a token in a header (RFC 6749, appendix A.12): printable ASCII without spaces."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value and value != ""


def bounded(reply: "Response") -> bytes:
    """The body of an answer that is read as it comes. Raises requests' errors where it is too long or too slow."""
    from requests import RequestException, Timeout
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    end, body = time.monotonic() + _TOTAL_SECONDS, bytearray()
    try:
        # Not iter_content: it waits for a whole piece, and so for a server that sends a byte now and then.
        while chunk := reply.raw.read1(16 * 1024):
            body += chunk
            if len(body) > _MOST_BYTES:
                raise RequestException("too much")
            if time.monotonic() > end:
                raise Timeout("too slow")
    except ReadTimeoutError as exc:
        raise Timeout("silent") from exc
    except HTTPError as exc:
        raise RequestException("cut off") from exc
    return bytes(body)


def _host(url: str) -> str:
    return url.split("/", 3)[2][:200]
