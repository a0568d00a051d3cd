"""Keystone asked at its own socket, as Apache asks it: with the attributes of a login that a test makes up.

For what no provider of the lab can sign, such as another issuer's word on the same person. Speaks the uwsgi protocol
(uwsgi-docs, "The uwsgi (lowercase) Protocol"): a length, then pairs of texts; the answer is plain HTTP.
"""

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PATH = "/v3/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"


@dataclass(frozen=True)
class Entered:
    """Keystone's answer: the status, the user's id where somebody was let in, and the token."""

    status: int
    user: str = ""
    token: str = ""


def enter(keystone: Path, attributes: Mapping[str, str]) -> Entered:
    """A federated login with these attributes."""
    variables = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": _PATH,
        "REQUEST_URI": _PATH,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "HTTP_HOST": "localhost",
        **attributes,
    }
    packed = b"".join(_text(name) + _text(value) for name, value in variables.items())
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(keystone))
        connection.sendall(struct.pack("<BHB", 0, len(packed), 0) + packed)
        with connection.makefile("rb") as answer:
            return _entered(answer.read())


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<H", len(raw)) + raw


def _entered(raw: bytes) -> Entered:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = int(first.split()[1])
    if status != 201:
        return Entered(status)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    token: dict[str, Any] = json.loads(body)["token"]
    return Entered(status, token["user"]["id"], headers["x-subject-token"])
