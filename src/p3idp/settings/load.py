"""Read the settings file. Owns where it is looked for, and that every mistake names its key."""

import difflib
import os
import ssl
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from p3idp.errors.settings import SettingsInvalid
from p3idp.settings.model import EnvironmentSettings, Settings
from p3idp.settings.servers import KeystoneSettings

DEFAULT_PATH = Path("/etc/p3idp/settings.toml")
VARIABLE = "P3IDP_SETTINGS"
ENVIRONMENT = "P3IDP_ENVIRONMENT"


def settings_path(given: str | None = None) -> Path:
    """The file in force: the one given, else ``$P3IDP_SETTINGS``, else ``/etc/p3idp/settings.toml``."""
    return Path(given or os.environ.get(VARIABLE) or DEFAULT_PATH)


def environment_name(given: str | None = None) -> str | None:
    """The environment that this call names: the one given, else ``$P3IDP_ENVIRONMENT``; None where it names none."""
    return given or os.environ.get(ENVIRONMENT) or None


def load_settings(given: str | None = None, environment: str | None = None) -> Settings:
    """Read and check the settings, those of every environment; the result is for the one that the call names.

    Relative paths are relative to the file. Raises SettingsInvalid, EnvironmentUnknown.
    """
    path = settings_path(given)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise SettingsInvalid(
            f"There is no settings file at {path}.",
            hint=f"Give one with --settings FILE or ${VARIABLE}. To try p3idp out, `make run` makes a whole lab.",
        ) from exc
    except OSError as exc:
        raise SettingsInvalid(
            f"{path} cannot be read: {exc.strerror}.", hint="Is it a file, and may you read it?"
        ) from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingsInvalid(f"{path} cannot be read: {exc}") from exc
    try:
        settings = Settings.model_validate(_absolute(document, path.parent.resolve()))
    except ValidationError as exc:
        raise SettingsInvalid(_explain(path, exc)) from exc
    _refuse_plain_http(path, settings)
    _refuse_unreadable_authorities(path, settings)
    _refuse_shared_consents(path, settings)
    name = environment_name(environment) or settings.default_environment
    return settings.at(name) if name else settings


_PATH_KEYS = {"policy_dir", "catalogue", "ca_file", "file", "tls_cert", "tls_key", "provider_ca_file"}


def _absolute(node: object, base: Path) -> object:
    if isinstance(node, dict):
        return {
            key: str(base / value) if key in _PATH_KEYS and isinstance(value, str) else _absolute(value, base)
            for key, value in node.items()
        }
    return node


def _explain(path: Path, exc: ValidationError) -> str:
    """One line a mistake, without the values: a mistyped secret must not be echoed."""
    lines = []
    for error in exc.errors(include_url=False, include_input=False):
        # A field whose default was looked at is told by its own name, and not by its alias.
        key = ".".join(str(part).removesuffix("_section") for part in error["loc"]) or "(whole file)"
        what = _unknown(error["loc"]) if error["type"] == "extra_forbidden" else error["msg"]
        lines.append(f"{path}: {key}: {what.removeprefix('Value error, ')}")
    return "\n".join(lines)


def _unknown(place: tuple[str | int, ...]) -> str:
    here: Any = Settings
    for part in place[:-1]:
        field = _keys(here).get(str(part))  # None for the id of a provider, the name of an environment
        kinds = (field.annotation, *get_args(field.annotation)) if field else ()
        here = next((kind for kind in kinds if hasattr(kind, "model_fields")), here)
    near = difflib.get_close_matches(str(place[-1]), _keys(here), n=1)
    return f"unknown key; did you mean {near[0]}?" if near else "unknown key"


def _keys(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _parts(settings: Settings) -> Iterator[tuple[str, Settings | EnvironmentSettings, KeystoneSettings | None]]:
    """Where the same sections may stand, with what precedes their keys, and the Keystone there."""
    yield "", settings, settings.keystone_section
    for name, own in settings.environments.items():
        yield f"environments.{name}.", own, own.keystone


def _refuse_plain_http(path: Path, settings: Settings) -> None:
    urls: dict[str, str | None] = {}
    for prefix, part, keystone in _parts(settings):
        if keystone:
            urls[f"{prefix}keystone.auth_url"] = keystone.auth_url
            urls[f"{prefix}keystone.public_url"] = keystone.public_url
        if part.web:
            urls[f"{prefix}web.base_url"] = part.web.base_url
    for key, url in urls.items():
        if url and not url.startswith("https://") and not (settings.lab and _on_this_machine(url)):
            raise SettingsInvalid(
                f"{path}: {key}: {url} is not https.",
                hint="Use https. Only a lab on this machine (lab = true) may speak plain http.",
            )


def _refuse_shared_consents(path: Path, settings: Settings) -> None:
    """Asked by another client than the one that somebody consented to, a provider says that the consent ended."""
    kept: dict[tuple[object, ...], tuple[str, object]] = {}
    for name, here in ((name, settings.at(name)) for name in settings.environments):
        for provider, own in here.providers.items() if here.offline.key else ():
            client = own.client_id, own.client_secret
            place = here.store_section and here.store_section.url, here.offline.key, provider
            other, its = kept.setdefault(place, (name, client))
            if its != client:
                raise SettingsInvalid(
                    f"{path}: environments.{name}: it keeps consents in one database with {other}, and its client at "
                    f"{provider} is another: each would end the consents given at the other.",
                    hint=f"Give it its own [environments.{name}.store], or a key in [environments.{name}.offline].",
                )


def _on_this_machine(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")


def _refuse_unreadable_authorities(path: Path, settings: Settings) -> None:
    """Every library would tell it in its own way, and some with a traceback."""
    files: dict[str, Path | None] = {}
    for prefix, part, keystone in _parts(settings):
        files[f"{prefix}keystone.ca_file"] = keystone.ca_file if keystone else None
        files |= {f"{prefix}providers.{name}.ca_file": each.ca_file for name, each in part.providers.items()}
    for key, file in files.items():
        if file is None:
            continue
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except OSError as exc:
            raise SettingsInvalid(f"{path}: {key}: no certificates can be read from {file}.") from exc
