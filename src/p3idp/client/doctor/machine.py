"""Check the programs on this machine, and what its shell sets. Owns which variables matter to whom."""

import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from p3idp.client.doctor.words import bad, odd, unseen, well
from p3idp.core.site.findings import Finding

_PACKAGES = ("p3idp", "keystoneauth1", "python-openstackclient", "openstacksdk")
_PLUGINS = ("v3p3idp", "v3p3idptoken")
# Files of authorities that other programs take, and p3idp does not.
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "OS_CACERT")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_LINE = 512  # bytes


def examine_machine(environ: Mapping[str, str], prefix: str = sys.prefix) -> Iterator[Finding]:
    """Versions, plugins, and the variables of the shell."""
    yield _versions()
    yield from map(_plugin, _PLUGINS)
    yield _openstack(environ, Path(prefix))
    yield from _variables(environ)


def bundles_of_others(environ: Mapping[str, str]) -> list[str]:
    """The files of authorities that the shell names for other programs, each once."""
    return list(dict.fromkeys(file for name in _BUNDLES if (file := environ.get(name)) and Path(file).is_file()))


def _versions() -> Finding:
    found = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"no {package}")
    return well("versions", "this machine", ", ".join(found))


def _plugin(name: str) -> Finding:
    entries = metadata.entry_points(group="keystoneauth1.plugin", name=name)
    if not entries:
        return bad("plugin", name, "keystoneauth does not list it.")
    try:
        next(iter(entries)).load()
    except Exception as exc:  # whatever another package's mistake raises while it is loaded
        return bad("plugin", name, f"It cannot be loaded ({type(exc).__name__}).")
    return well("plugin", name, "keystoneauth finds it.")


def _openstack(environ: Mapping[str, str], prefix: Path) -> Finding:
    program = shutil.which("openstack", path=environ.get("PATH"))
    if program is None:
        return unseen("openstack-client", "openstack", "There is no such program on the PATH.")
    interpreter = _interpreter(Path(program))
    if interpreter is None or interpreter.parent.parent == prefix:
        return well("openstack-client", program, "It runs where p3idp is.")
    if _has_p3idp(interpreter.parent.parent):
        return well("openstack-client", program, "It runs in another environment, which has p3idp too.")
    return odd("openstack-client", program, f"It runs with {interpreter}, where there is no p3idp.")


def _interpreter(program: Path) -> Path | None:
    """The Python of a script's first line; None where it does not say, as on Windows or with ``env``."""
    try:
        with program.open("rb") as script:
            first = script.readline(_LINE).decode(errors="replace").strip()
    except OSError:
        return None
    words = first.removeprefix("#!").split()
    named = bool(first.startswith("#!") and words and "python" in Path(words[0]).name)
    return Path(words[0]) if named else None


def _has_p3idp(prefix: Path) -> bool:
    return any(prefix.glob("lib*/python3*/*-packages/p3idp-*.dist-info"))


def _variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name in _BUNDLES:
        file = environ.get(name)
        if file and not Path(file).exists():
            yield odd(
                "environment", name, f"It names {file}, which is not there. openstack and others fail; not p3idp."
            )
        elif file:
            yield well("environment", name, f"{file} counts for openstack and others. p3idp trusts its own ca-file.")
    for name in _PROXIES:
        if environ.get(name):
            told = "It is set, and p3idp goes through no proxy: tokens go to the servers and to nobody between."
            yield odd("environment", name, told, "Let this machine reach the site's servers directly.")
    if environ.get("OS_TOKEN") or environ.get("OS_AUTH_TYPE"):
        told = "It counts more than clouds.yaml and stays until the shell ends, also when its token is over."
        which = "OS_TOKEN" if environ.get("OS_TOKEN") else "OS_AUTH_TYPE"
        yield odd("environment", which, told, 'Renew it with eval "$(p3idp env)", or unset it.')
