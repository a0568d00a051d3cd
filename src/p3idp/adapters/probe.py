"""Ask a server as the doctor does: one request, no redirects, our CA only. Owns what failing to connect is called."""

import ssl
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote_plus

import httpx

from p3idp.core.secret import Secret
from p3idp.core.site.chain_apache import Answer
from p3idp.errors.site import CertificateUntrusted, Unreached

_MAX_BODY = 1024 * 1024


class HttpProbe:
    """A Probe over httpx. The environment's proxies and certificate bundles are not asked."""

    def __init__(self, ca_file: Path | None, timeout_seconds: float = 10.0) -> None:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._http = httpx.Client(verify=context, trust_env=False, timeout=timeout_seconds, follow_redirects=False)

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        form: Mapping[str, str] | None = None,
        client: tuple[str, Secret[str]] | None = None,
    ) -> Answer:
        """Send one request; ``client`` as RFC 6749 section 2.3.1 has it."""
        sent = dict(headers or {})
        if client is not None:
            pair = f"{quote_plus(client[0])}:{quote_plus(client[1].reveal())}"
            sent["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        try:
            with self._http.stream(method, url, headers=sent, data=dict(form) if form else None) as reply:
                body = b""
                for chunk in reply.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_BODY:
                        raise Unreached(f"{url} answers with more than {_MAX_BODY} bytes.")
                return Answer(reply.status_code, {k.lower(): v for k, v in reply.headers.items()}, body)
        except (httpx.RequestError, httpx.InvalidURL) as exc:
            raise _translated(url, exc) from exc


def _translated(url: str, exc: Exception) -> Unreached | CertificateUntrusted:
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CertificateUntrusted(f"The certificate of {url} is not trusted: {cause.verify_message}.")
        cause = cause.__cause__ or cause.__context__
    what = "does not answer in time" if isinstance(exc, httpx.TimeoutException) else "cannot be reached"
    return Unreached(f"{url} {what}.", debug=str(exc))
