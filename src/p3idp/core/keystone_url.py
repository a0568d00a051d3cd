"""Keystone's address. Owns one rule: whoever writes it down may leave the version out."""


def v3_url(auth_url: str) -> str:
    """The address of the Identity API v3, without a slash at its end, whether or not the one given ends in ``/v3``."""
    bare = auth_url.rstrip("/")
    return bare if bare.endswith("/v3") else f"{bare}/v3"
