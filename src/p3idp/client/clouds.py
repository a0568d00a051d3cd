"""The clouds that a researcher uses, by name. Owns the configuration file, and what is remembered of a sign-in.

The file is the user's; p3idp never writes it. What a sign-in was told, what it learnt from the broker, and which
project is in use, are remembered beside the cache. The call's options count most, then the file, then what was told.
"""

import json
import shlex
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from p3idp.client.cache.files import PrivateFiles
from p3idp.core.keystone_url import v3_url
from p3idp.errors.sign_in import ClientConfigInvalid, CloudNameTaken, CloudUnknown

_MEMORY = "clouds.json"
_FORM = 1
_FLOWS = ("auto", "browser", "broker", "device", "paste")
# What every client of a site asks for: a changed set of groups at login ends a person's other Keystone tokens, so two
# clients that asked for different scopes would end each other's.
SCOPES = (
    "openid", "profile", "email", "voperson_id", "eduperson_entitlement", "entitlements", "eduperson_assurance",
)  # fmt: skip
OFFLINE = "offline_access"


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud and the way in. Without ``broker`` tokens are made at Keystone itself (auth_url, identity_provider,
    protocol). ``project``: the one in use, as NAME@DOMAIN. ``redirect_uri``: where a provider takes one address only.
    ``token_command``: a program that prints access tokens, instead of a sign-in of ours. ``client_secret_file`` or
    ``client_secret_env``: where the secret of a service account is, whose ``client_id`` this then is.
    """

    name: str
    issuer: str = ""
    client_id: str = ""
    scopes: tuple[str, ...] = ()
    broker: str = ""
    auth_url: str = ""
    identity_provider: str = ""
    protocol: str = ""
    ca_file: str = ""
    flow: str = "auto"
    redirect_uri: str = ""
    token_command: tuple[str, ...] = ()
    client_secret_file: str = ""
    client_secret_env: str = ""
    project: str = ""

    @property
    def who(self) -> tuple[str, str]:
        """What its sign-in is kept under: the provider and our client there, or the program that gives tokens."""
        return ("", " ".join(self.token_command)) if self.token_command else (self.issuer, self.client_id)

    @property
    def is_service_account(self) -> bool:
        """Whether nobody signs in here: a client acts for itself."""
        return bool(self.client_secret_file or self.client_secret_env)

    @property
    def is_complete(self) -> bool:
        """Whether a sign-in needs to know no more."""
        return bool(self.token_command or (self.issuer and self.client_id))

    @property
    def verify(self) -> str | bool:
        """What requests takes for the authorities that are trusted."""
        return self.ca_file or True

    @property
    def place(self) -> str:
        """What tells this cloud from another of the same name."""
        return self.broker.rstrip("/") or " ".join(self.who)


def how_to_sign_in(cloud: Cloud) -> str:
    """What to type."""
    return f"Sign in: p3idp login --cloud {shlex.quote(cloud.name)}"


_KEYS = tuple(field.name for field in fields(Cloud) if field.name not in ("name", "project"))
Given = Mapping[str, str | tuple[str, ...]]


class Clouds:
    """All clouds of this user."""

    def __init__(self, files: PrivateFiles, config_file: Path) -> None:
        self._files, self._config_file = files, config_file

    def find(
        self,
        name: str | None = None,
        given: Given | None = None,
        *,
        learnt: bool = True,
        is_left: Callable[[Cloud], bool] = lambda cloud: False,
    ) -> Cloud:
        """The cloud of this name, else the one in use, else the only one. Raises CloudUnknown, CloudNameTaken.

        Without ``learnt`` it is what the user says, for a broker to say the rest afresh. ``is_left`` tells whether
        nobody is signed in at a cloud: then its name is free for another, unless the user's file has it.
        """
        config, memory = self._config(), self._memory()
        options = {key: value for key, value in (given or {}).items() if value}
        _check_addresses(options)
        chosen = name or _named_by(options) or self._usual(config, memory)
        known = {**_remembered(memory, chosen, learnt=learnt), **config.get("clouds", {}).get(chosen, {})}
        if not known and not _named_by(options):
            names = ", ".join(sorted({*memory["clouds"], *config.get("clouds", {})})) or "none"
            raise CloudUnknown(f"There is no cloud named {chosen}. Known: {names}.")
        general = {"flow": config["flow"]} if "flow" in config else {}
        cloud = _cloud(chosen, {**general, **known})
        asked = _cloud(chosen, {**general, **known, **options})
        if known and asked.place != cloud.place and cloud.place.strip():
            if chosen not in config.get("clouds", {}) and is_left(self.find(chosen)):
                return _cloud(chosen, {**general, **options})
            raise CloudNameTaken(f"The cloud {chosen} is at {cloud.place}, not at {asked.place}.")
        return asked

    def names(self) -> list[str]:
        """All that are known, sorted. Raises ClientConfigInvalid."""
        return sorted({*self._memory()["clouds"], *self._config().get("clouds", {})})

    def at_broker(self, broker: str) -> Cloud | None:
        """The cloud that goes through this broker, if one does: the one in use where several do."""
        config, memory = self._config(), self._memory()
        names = [memory.get("current"), *memory["clouds"], *config.get("clouds", {})]
        clouds = [self.find(name) for name in dict.fromkeys(names) if name]
        return next((cloud for cloud in clouds if cloud.broker.rstrip("/") == broker.rstrip("/")), None)

    def at_keystone(self, auth_url: str) -> Cloud | None:
        """The cloud of this Keystone, if one is known: the one in use where several are."""
        config, memory = self._config(), self._memory()
        names = [memory.get("current"), *memory["clouds"], *config.get("clouds", {})]
        clouds = [self.find(name) for name in dict.fromkeys(names) if name]
        return next((cloud for cloud in clouds if v3_url(cloud.auth_url) == v3_url(auth_url)), None)

    def remember(self, told: Cloud, full: Cloud, *, in_use: bool = True) -> None:
        """Keep what a sign-in was told and what it learnt, and make this cloud the one in use. Raises CacheNotWritten.

        The way to sign in is not kept: it suits the place where somebody sits now. With ``in_use`` False another one
        that is in use stays.
        """
        given = {key: value for key, value in asdict(told).items() if value and key in _KEYS and key != "flow"}
        learnt = {key: value for key, value in asdict(full).items() if value and key in _KEYS and key not in given}
        learnt.pop("flow", None)
        part = {"given": given, "learnt": learnt, "project": full.project}
        self._keep(full.name, part, full.name if in_use else self._memory().get("current") or full.name)

    def use(self, cloud: Cloud, project: str) -> None:
        """Work in this project of this cloud from now on; an empty one is none. Raises CacheNotWritten."""
        self._keep(cloud.name, {"project": project}, cloud.name)

    def _keep(self, name: str, part: Mapping[str, Any], current: str) -> None:
        if self._holds(name, part, current):  # as mostly: then many commands at once need not wait for one another
            return
        with self._files.alone(_MEMORY, 60):
            self._set_aside()
            memory = self._memory()
            memory["clouds"][name] = {**memory["clouds"].get(name, {}), **part}
            memory["current"] = current
            self._files.write(_MEMORY, json.dumps(memory, sort_keys=True, indent=1).encode())

    def _holds(self, name: str, part: Mapping[str, Any], current: str) -> bool:
        memory = self._memory()
        kept = memory["clouds"].get(name, {})
        same = json.loads(json.dumps(part))  # tuples come back as lists
        return memory.get("current") == current and all(kept.get(key) == value for key, value in same.items())

    def _usual(self, config: Mapping[str, Any], memory: Mapping[str, Any]) -> str:
        known = {*memory["clouds"], *config.get("clouds", {})}
        usual = memory.get("current") or config.get("default")
        if usual:
            return str(usual)
        if len(known) == 1:
            return str(known.pop())
        if known:
            raise CloudUnknown(f"Say which cloud: {', '.join(sorted(known))}.", hint="Name it with --cloud.")
        raise CloudUnknown("No cloud is known here yet.")

    def _config(self) -> dict[str, Any]:
        try:
            read = tomllib.loads(self._config_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
            # A name given twice ends here too.
            raise ClientConfigInvalid(f"{self._config_file} cannot be read: {exc}.") from exc
        unknown = sorted(read.keys() - {"clouds", "default", "flow"})
        clouds = read.get("clouds", {})
        if unknown or not isinstance(clouds, dict) or not all(isinstance(each, dict) for each in clouds.values()):
            raise ClientConfigInvalid(f"{self._config_file}: unknown {', '.join(unknown) or 'form of clouds'}.")
        for name, each in clouds.items():
            wrong = sorted(each.keys() - set(_KEYS))
            if wrong:
                raise ClientConfigInvalid(f"{self._config_file}: the cloud {name} has unknown {', '.join(wrong)}.")
            _cloud(name, each)
        return read

    def _memory(self) -> dict[str, Any]:
        return self._read_memory() or {"form": _FORM, "clouds": {}}

    def _read_memory(self) -> dict[str, Any] | None:
        """The file, unless it is another version's, or damaged."""
        try:
            read = json.loads(self._files.read(_MEMORY) or b"{}")
        except ValueError:
            return None
        is_ours = isinstance(read, dict) and read.get("form") == _FORM and isinstance(read.get("clouds"), dict)
        return read if is_ours else None

    def _set_aside(self) -> None:
        """What cannot be read here is somebody's still: it is not written over."""
        if self._files.read(_MEMORY) and self._read_memory() is None:
            self._files.set_aside(_MEMORY, "unreadable")


def _remembered(memory: Mapping[str, Any], name: str, *, learnt: bool) -> dict[str, Any]:
    kept = memory["clouds"].get(name, {})
    project = {"project": kept["project"]} if kept.get("project") else {}
    return {**(kept.get("learnt", {}) if learnt else {}), **kept.get("given", {}), **project}


def _check_addresses(options: Given) -> None:
    """Raises ClientConfigInvalid where the call names an address that is none, such as one without https://."""
    for key in ("broker", "issuer"):
        address = str(options.get(key, ""))
        if address and not _is_address(address):
            raise ClientConfigInvalid(
                f"The {key} {address[:200]!r} is not a plain https address.",
                hint=f"Give it whole, such as --{key} https://{key}.example.org.",
            )


def _is_address(text: str) -> bool:
    from p3idp.core.login.metadata import origin_of  # a command that names no address does not wait for it

    return origin_of(text) is not None


def _named_by(options: Given) -> str:
    """A cloud's name where none was given: the host of its broker, else of its provider."""
    return urlsplit(str(options.get("broker") or options.get("issuer") or "")).netloc


def _cloud(name: str, values: Mapping[str, Any]) -> Cloud:
    """Checked values. Raises ClientConfigInvalid."""
    known = {key: value for key, value in values.items() if key in (*_KEYS, "project")}
    lists = {key: _list(name, key, known.pop(key, ())) for key in ("scopes", "token_command")}
    wrong = sorted(key for key, value in known.items() if not isinstance(value, str))
    if wrong:
        raise ClientConfigInvalid(f"The cloud {name}: {', '.join(wrong)} must be text.")
    cloud = Cloud(name=name, scopes=lists["scopes"], token_command=lists["token_command"], **known)
    if cloud.is_service_account and (
        not cloud.client_id or cloud.token_command or (cloud.client_secret_file and cloud.client_secret_env)
    ):
        raise ClientConfigInvalid(
            f"The cloud {name}: a service account has a client_id and one place of its secret, client_secret_file or "
            "client_secret_env, and no token_command."
        )
    if cloud.flow not in _FLOWS:
        raise ClientConfigInvalid(f"The cloud {name}: flow is one of {', '.join(_FLOWS)}.")
    return cloud


def _list(cloud: str, key: str, value: Any) -> tuple[str, ...]:
    """A list of texts. Raises ClientConfigInvalid."""
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) and text for text in value):
        raise ClientConfigInvalid(f"The cloud {cloud}: {key} is a list of texts.")
    return tuple(value)
