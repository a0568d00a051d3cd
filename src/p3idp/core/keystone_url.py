"""Keystone's address. Owns its one spelling: whoever writes it down may leave the version out, and write capitals."""

import re
from urllib.parse import urlsplit

_USUAL_PORTS = {"https": ":443", "http": ":80"}


def v3_url(auth_url: str) -> str:
    """The address of the Identity API v3, without a slash at its end, whether or not the one given ends in ``/v3``.

    What stands for the same server by the rules of addresses becomes the same text (RFC 3986, section 6.2): locks,
    history and approvers go by it.
    """
    try:
        parts = urlsplit(auth_url)
    except ValueError:
        return auth_url
    if not parts.netloc:  # no address at all, as whoever calls it will say
        return auth_url
    host = parts.netloc.lower().removesuffix(_USUAL_PORTS.get(parts.scheme, ""))
    bare = f"{parts.scheme}://{host}{re.sub('/+', '/', parts.path)}".rstrip("/")
    return bare if bare.endswith("/v3") else f"{bare}/v3"
