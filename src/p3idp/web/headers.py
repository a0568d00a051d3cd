"""Headers of every response. Owns what browsers are told: no scripts, no framing, no sniffing, no caching of people."""

import ipaddress
from urllib.parse import urlsplit

from flask import Response, request

_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
STATIC = "static"


def add_headers(response: Response, base_url: str) -> Response:
    """Set them; whatever a page set itself is replaced."""
    headers = response.headers
    headers["Content-Security-Policy"] = _CSP
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    # Not no-referrer: with it browsers send "Origin: null" even with our own forms, as foreign ones do.
    headers["Referrer-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if is_strict_host(base_url):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint == STATIC and response.status_code in (200, 304):
        headers["Cache-Control"] = "public, max-age=3600"
    else:
        headers["Cache-Control"] = "no-store"
        headers["Vary"] = "Cookie"
    return response


def is_strict_host(base_url: str) -> bool:
    """Whether the address can promise https for a year: not localhost, whose other ports belong to others."""
    parts = urlsplit(base_url)
    if parts.scheme != "https" or parts.hostname in (None, "localhost"):
        return False
    try:
        ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        return True
    return False  # RFC 6797 section 8.1.1: not for addresses
