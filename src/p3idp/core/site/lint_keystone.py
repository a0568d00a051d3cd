"""Find the known traps in keystone.conf. Owns reading oslo.config's text and one rule a trap."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from p3idp.core.site.findings import Finding, fail, ok, skipped, warn

_SECTION = re.compile(r"\[(.+?)\]")
_YES = ("true", "1", "yes", "on")


@dataclass(frozen=True, slots=True)
class KeystoneFile:
    """keystone.conf as read: (section, option) to all its values in order. ``name`` is the file's, for people."""

    name: str
    values: Mapping[tuple[str, str], tuple[str, ...]]

    def all(self, section: str, option: str) -> tuple[str, ...]:
        """Every value given."""
        return self.values.get((section, option), ())

    def last(self, section: str, option: str, default: str = "") -> str:
        """The value that holds."""
        found = self.all(section, option)
        return found[-1] if found else default


def read_keystone(name: str, text: str) -> KeystoneFile:
    """Read the text; options may repeat, and a line that begins with white space continues the one before."""
    values: dict[tuple[str, str], list[str]] = {}
    section, last = "DEFAULT", None
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        if line[0].isspace() and last is not None:
            values[last][-1] += line.strip()
        elif found := _SECTION.fullmatch(line.strip()):
            section, last = found[1], None
        else:
            option, _, value = line.partition("=" if "=" in line else ":")
            last = (section, option.strip())
            values.setdefault(last, []).append(value.strip())
    return KeystoneFile(name, {key: tuple(found) for key, found in values.items()})


@dataclass(frozen=True, slots=True)
class Expected:
    """What the policy and the settings ask of keystone.conf."""

    protocols: tuple[str, ...]
    dashboards: tuple[str, ...]


def lint_keystone(file: KeystoneFile, expected: Expected, exists: Callable[[str], bool | None]) -> Iterator[Finding]:
    """Judge one file. ``exists`` says whether a path is there; None where that cannot be seen from here."""
    yield _methods(file, expected.protocols)
    for protocol in expected.protocols:
        yield _remote_id(file, protocol)
    yield _prefix(file)
    yield _dashboards(file, expected.dashboards)
    yield _template(file, exists)
    yield _debug(file)


def _methods(file: KeystoneFile, protocols: Sequence[str]) -> Finding:
    methods = [m.strip() for m in file.last("auth", "methods", "external,password,token,oauth1,mapped").split(",")]
    lacking = [name for name in (*protocols, "token", "mapped", "application_credential") if name not in methods]
    if lacking:
        return fail("auth-methods", file.name, f"[auth] methods lacks {', '.join(dict.fromkeys(lacking))}.")
    if "external" in methods:
        return warn("auth-methods", file.name, "[auth] methods has external.")
    return ok("auth-methods", file.name, "The methods of federated sign-in are on, and external is off.")


def _remote_id(file: KeystoneFile, protocol: str) -> Finding:
    subject = f"{file.name} [{protocol}]"
    value = file.last(protocol, "remote_id_attribute") or file.last("federation", "remote_id_attribute")
    if value == "OIDC-iss":
        return ok("remote-id-attribute", subject, "The issuer is read from OIDC-iss.")
    return fail("remote-id-attribute", subject, f"remote_id_attribute is {value or 'not set'}.")


def _prefix(file: KeystoneFile) -> Finding:
    value = file.last("federation", "assertion_prefix")
    if value == "OIDC-":
        return ok("assertion-prefix", file.name, "Keystone looks at nothing but what Apache verified.")
    return warn("assertion-prefix", file.name, f"[federation] assertion_prefix is {value or 'not set'}.")


def _dashboards(file: KeystoneFile, wanted: Sequence[str]) -> Finding:
    trusted = file.all("federation", "trusted_dashboard")
    slashless = [url for url in trusted if not url.endswith("/")]
    if slashless:
        return fail("trusted-dashboard", file.name, f"{', '.join(slashless)} has no slash at its end.")
    lacking = [url for url in wanted if url not in trusted]
    if lacking:
        return fail("trusted-dashboard", file.name, f"{', '.join(lacking)} is not among them.")
    if not wanted:
        return skipped("trusted-dashboard", file.name, "The settings name no dashboard ([site] dashboard_url).")
    return ok("trusted-dashboard", file.name, "Every dashboard of the settings is trusted, to the letter.")


def _template(file: KeystoneFile, exists: Callable[[str], bool | None]) -> Finding:
    path = file.last("federation", "sso_callback_template", "/etc/keystone/sso_callback_template.html")
    there = exists(path)
    if there is None:
        return skipped("callback-template", file.name, f"{path} cannot be seen from here.")
    if there:
        return ok("callback-template", file.name, f"{path} is there.")
    return fail("callback-template", file.name, f"sso_callback_template {path} does not exist.")


def _debug(file: KeystoneFile) -> Finding:
    on = [name for name in ("debug", "insecure_debug") if file.last("DEFAULT", name).lower() in _YES]
    if on:
        return fail("keystone-debug", file.name, f"[DEFAULT] {', '.join(on)} is on.")
    return ok("keystone-debug", file.name, "Debugging is off.")
