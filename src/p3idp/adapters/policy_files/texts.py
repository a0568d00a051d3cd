"""A policy as the texts of its files, and back. Owns which names such files may have: they come from a database."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from p3idp.adapters.policy_files.environments import ENVIRONMENTS
from p3idp.adapters.policy_files.load import COMMUNITIES, SITE_FILE, VERBATIM, load_policy, load_site
from p3idp.core.policy.model import Policy, Site
from p3idp.errors.history import DirectoryNotEmpty

_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*")


def policy_from_texts(texts: Mapping[str, str], environment: str = "", *, lab: bool = False) -> Policy:
    """The policy that these files make, by the loader that any policy directory goes through. Raises PolicyInvalid."""
    with TemporaryDirectory(prefix="p3idp-") as made:
        _write(Path(made), texts)
        return load_policy(Path(made), lab=lab, environment=environment)


def site_from_texts(texts: Mapping[str, str], environment: str = "", *, lab: bool = False) -> Site:
    """The site alone of these files. Raises PolicyInvalid."""
    with TemporaryDirectory(prefix="p3idp-") as made:
        _write(Path(made), {name: text for name, text in texts.items() if _is_of_site(name)})
        return load_site(Path(made), lab=lab, environment=environment)


def write_policy(directory: Path, texts: Mapping[str, str]) -> None:
    """Write the files into a directory that is new or empty. Raises DirectoryNotEmpty, OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    if os.listdir(directory):
        raise DirectoryNotEmpty(f"{directory} is not empty.")
    _write(directory, texts)


def _write(directory: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"no name of a policy file: {name!r}")
        file = directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")  # to the byte, so that the digest is the same


def _is_of_site(name: str) -> bool:
    return name == SITE_FILE or name.startswith(f"{ENVIRONMENTS}/")


def is_policy_file(name: str) -> bool:
    """Whether a file of this name, relative to a policy directory, is read as part of the policy."""
    part, _, file = name.rpartition("/")
    known = {COMMUNITIES: ".yaml", ENVIRONMENTS: ".yaml", VERBATIM: ".json"}
    return name == SITE_FILE or (part in known and file.endswith(known[part]) and bool(_NAME.fullmatch(name)))
