"""Which text may stand in a configuration file. Owns the refusals: nothing is escaped that can be refused.

A value that would end its line, its quotes or its meaning is refused by name, so that neither a policy file nor a
secret can bring a directive of its own.
"""

import re
from urllib.parse import urlsplit

from p3idp.errors.site import ConfigurationRefused

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]|[\u2028\u2029]")
# Inside "…" Apache gives these a meaning: end of the text, escape, variable or expression.
_APACHE = re.compile(r'["\\]|\$\{|%\{')
# oslo.config expands $name, and strips quotes around a whole value.
_INI = re.compile(r"[\"'\\$,\s]")
_HOST = re.compile(r"[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:]+\]")
_ID = re.compile(r"[A-Za-z0-9_.\-]+")


def _refuse(what: str, why: str) -> ConfigurationRefused:
    return ConfigurationRefused(
        f"{what} cannot be written: {why}.", hint="Choose a value without it; nothing was written."
    )


def for_apache(value: str, what: str) -> str:
    """Return ``value`` where it may stand between double quotes in Apache's configuration, else refuse it."""
    if _CONTROL.search(value):
        raise _refuse(what, "it holds a line break or another control character")
    if _APACHE.search(value):
        raise _refuse(what, "it holds a double quote, a backslash, ${ or %{, which mean something to Apache")
    return value


def secret_for_apache(value: str, what: str) -> str:
    """As for_apache; ``exec:`` in front would make the module run a program instead of taking a secret."""
    if value.startswith("exec:"):
        raise _refuse(what, "it begins with exec:, which the module takes for a program to run")
    return for_apache(value, what)


def for_ini(value: str, what: str) -> str:
    """Return ``value`` where it is one plain word for oslo.config, else refuse it."""
    if _CONTROL.search(value) or _INI.search(value):
        raise _refuse(what, "it holds white space, a quote, a comma, a backslash or a dollar sign")
    return value


def for_python(value: str, what: str) -> str:
    """Return ``value`` where it is one line of text; the template writes it as a Python literal."""
    if _CONTROL.search(value):
        raise _refuse(what, "it holds a line break or another control character")
    return value


def an_id(value: str, what: str) -> str:
    """Return ``value`` where it can be one step of a URL path and of a file name."""
    if not _ID.fullmatch(value) or value.strip(".") == "":
        raise _refuse(what, "only letters, digits, dot, hyphen and underscore may stand in it")
    return value


def a_url(value: str, what: str, *, schemes: tuple[str, ...] = ("https",)) -> str:
    """Return ``value`` where it is an absolute URL of these schemes, without user, query and fragment."""
    parts = urlsplit(for_ini(for_apache(value, what), what))
    if parts.scheme not in schemes:
        raise _refuse(what, f"{value} does not begin with {' or '.join(f'{s}://' for s in schemes)}")
    if not parts.hostname or not _HOST.fullmatch(parts.netloc.rpartition("@")[2].removesuffix(f":{parts.port}")):
        raise _refuse(what, f"{value} names no host")
    if "@" in parts.netloc or parts.query or parts.fragment or "#" in value or "?" in value:
        raise _refuse(what, "a user, a query or a fragment has no place in it")
    return value


def a_path(value: str, what: str) -> str:
    """Return ``value`` where it is an absolute path that Apache and oslo.config both read as it stands."""
    if not value.startswith("/"):
        raise _refuse(what, f"{value} is not an absolute path")
    return for_ini(for_apache(value, what), what)
