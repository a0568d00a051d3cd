"""Which authorities are trusted here, and why a certificate is not. Owns the words for both.

Neither REQUESTS_CA_BUNDLE nor OS_CACERT counts: who sets a variable of a shell would choose whom tokens are sent to.
"""

import ssl
from collections.abc import Iterator
from typing import NamedTuple

from p3idp.errors.sign_in import ClientConfigInvalid

_CLOCK = "Check this machine's clock; where it is right, the site must renew the certificate."
_NAME = "Check the address: the certificate is for another name."
_AUTHORITY = "Get the site's CA certificate from the site, and name its file with --ca-file or ca_file."
# What OpenSSL calls the common reasons (X509_V_ERR_…), in words that say what to do.
_REASONS = {
    9: ("is not valid yet", _CLOCK),
    10: ("is over", _CLOCK),
    18: ("is signed by itself", _AUTHORITY),
    19: ("comes from an authority that vouches for itself", _AUTHORITY),
    20: ("comes from an authority that is not known here", _AUTHORITY),
    21: ("comes from an authority that is not known here", _AUTHORITY),
    62: ("is for another name", _NAME),
    64: ("is for another address", _NAME),
}


class Distrust(NamedTuple):
    """Why a certificate is not believed, and what to try. ``by_time``: a wrong clock would explain it."""

    why: str
    hint: str
    by_time: bool


def bundle_of(verify: str | bool) -> str:
    """The file whose authorities are trusted."""
    if isinstance(verify, str):
        return verify
    import certifi  # what requests takes; it comes with it

    return certifi.where()


def check_bundle(verify: str | bool) -> ssl.SSLContext:
    """The context that a request would use. Raises ClientConfigInvalid where the file is no CA bundle."""
    file = bundle_of(verify)
    try:
        return ssl.create_default_context(cafile=file)
    except ssl.SSLError as exc:
        raise ClientConfigInvalid(f"{file} holds no CA certificates.", hint=_AUTHORITY) from exc
    except OSError as exc:
        raise ClientConfigInvalid(f"The CA file {file} cannot be read: {exc.strerror}.", hint=_AUTHORITY) from exc


def distrust(error: BaseException) -> Distrust:
    """Why, as far as the error says. requests wraps OpenSSL's word three times."""
    for each in _inside(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            why, hint = _REASONS.get(each.verify_code, ("is not trusted", _AUTHORITY))
            return Distrust(why, hint, each.verify_code in (9, 10))
    return Distrust("is not trusted", _AUTHORITY, False)


def _inside(error: object, depth: int = 8) -> Iterator[BaseException]:
    if not isinstance(error, BaseException) or not depth:
        return
    yield error
    for inner in (getattr(error, "reason", None), error.__cause__, error.__context__, *error.args):
        yield from _inside(inner, depth - 1)
