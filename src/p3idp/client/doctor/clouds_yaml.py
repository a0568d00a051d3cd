"""Check the entries of clouds.yaml that use p3idp. Owns what fits; where the file is, openstack_files knows.

The file may hold other people's passwords: nothing of an entry is shown but its name, its keys and addresses.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from p3idp.client.clouds import Clouds
from p3idp.client.doctor.words import bad, odd, unseen, well
from p3idp.client.openstack_files import CLOUDS, file_in_use, hidden_by, read_text
from p3idp.core.site.findings import Finding
from p3idp.errors import P3idpError
from p3idp.errors.clouds_yaml import CloudsFileInvalid

_OURS = ("v3p3idp", "v3p3idptoken")
_SOURCES = ("access_token_file", "access_token_env")


def examine_clouds_yaml(clouds: Clouds, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Each entry of ours in the file that openstacksdk would read."""
    file = file_in_use(CLOUDS)
    file = hidden_by(file, CLOUDS) or file
    try:
        entries = _read(file)
    except ImportError:
        yield unseen("clouds-yaml", str(file), "Nothing here reads YAML; openstacksdk brings it.")
    except P3idpError as error:
        yield bad("clouds-yaml", str(file), error.detail)
    else:
        if entries is None:
            yield unseen("clouds-yaml", "clouds.yaml", "There is none.")
        else:
            yield from _entries(file, entries, clouds, environ)


def _read(file: Path) -> Mapping[str, Any] | None:
    """The file's clouds, None where there is no file. Raises ImportError, or CloudsFileInvalid without its contents."""
    text = read_text(file)
    if text is None:
        return None
    import yaml  # the light client does without; where openstack runs, it is there

    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:  # ValueError: of a date that is none
        mark = getattr(exc, "problem_mark", None)
        where = f": see line {mark.line + 1}" if mark else ""
        raise CloudsFileInvalid(f"It is no YAML{where}.") from None
    clouds = read.get("clouds") if isinstance(read, dict) else None
    if not isinstance(clouds, dict):
        raise CloudsFileInvalid("It has no part named clouds.")
    return clouds


def _entries(file: Path, entries: Mapping[str, Any], clouds: Clouds, environ: Mapping[str, str]) -> Iterator[Finding]:
    ours = {str(name): entry for name, entry in entries.items()
            if isinstance(entry, dict) and entry.get("auth_type") in _OURS}  # fmt: skip
    if not ours:
        yield unseen("clouds-yaml", str(file), "No entry uses p3idp.")
    for name, entry in ours.items():
        wrong = list(_mistakes(entry, clouds, environ))
        yield from (odd("clouds-yaml", f"{file}, {name}", each) for each in wrong)
        if not wrong:
            yield well("clouds-yaml", f"{file}, {name}", "It fits.")


def _mistakes(entry: Mapping[str, Any], clouds: Clouds, environ: Mapping[str, str]) -> Iterator[str]:
    auth = entry.get("auth")
    if not isinstance(auth, dict):
        yield "It has no part named auth."
        return
    unknown = sorted(map(str, auth.keys() - _known(str(entry["auth_type"]))))
    if unknown:
        yield f"Under auth, {', '.join(unknown)} is not known to {entry['auth_type']}."
    if not (auth.get("auth_url") or auth.get("broker") or auth.get("p3idp_cloud")):
        yield "It says neither auth_url nor broker nor p3idp_cloud."
    for file in filter(None, (entry.get("cacert"), auth.get("broker_cacert"), auth.get("access_token_file"))):
        if not Path(os.path.expanduser(str(file))).exists():  # Path's own fails where there is no such user
            yield f"{file} is not there."
    variable = auth.get("access_token_env")
    if variable and not environ.get(str(variable)):
        yield f"The variable {variable} is not set here."
    if entry["auth_type"] == "v3p3idp" and not any(auth.get(source) for source in _SOURCES):
        yield from _unknown_cloud(auth, clouds)


def _unknown_cloud(auth: Mapping[str, Any], clouds: Clouds) -> Iterator[str]:
    """Whether `p3idp login` knows the cloud that the entry leans on."""
    name, broker = auth.get("p3idp_cloud"), auth.get("broker")
    try:
        if name:
            clouds.find(str(name))
        elif broker and clouds.at_broker(str(broker)) is None:
            yield f"Nobody signed in at the broker {broker} yet: p3idp login --broker {broker}"
    except P3idpError as error:
        yield error.detail


def _known(plugin: str) -> frozenset[str]:
    from keystoneauth1.loading import get_plugin_loader

    options = get_plugin_loader(plugin).get_options()
    return frozenset(name.replace("-", "_") for each in options for name in (each.dest, each.name))
