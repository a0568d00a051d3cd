"""Communities as policy text, EGI's catalogue of them, and the ids of their projects."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import keystone_account

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from p3idp.adapters.policy_files.directory import PolicyDirectory
    from p3idp.core.policy.model import ProjectRef
    from p3idp.core.policy.vo_catalogue import Catalogue
    from p3idp.settings import Settings


def wire_policy_text(directory: "Path", *, lab: bool = False) -> "PolicyDirectory":
    """A policy directory that is changed; ``lab`` permits plain http in it."""
    from p3idp.adapters.policy_files.directory import PolicyDirectory

    return PolicyDirectory(directory, lab=lab)


def wire_catalogue(file: "Path") -> "Catalogue":
    """A local copy of the catalogue of communities. Raises CatalogueInvalid."""
    from p3idp.adapters.policy_files.vo_catalogue import read_catalogue

    return read_catalogue(file)


def wire_project_ids(settings: "Settings") -> "Mapping[ProjectRef, str]":
    """The ids of all projects, asked of Keystone as p3idp's own account."""
    from p3idp.adapters.keystone.project_ids import project_ids
    from p3idp.adapters.keystone.session import make_session

    keystone = settings.keystone
    session = make_session(keystone_account(settings), keystone.ca_file, keystone.timeout_seconds)
    return project_ids(session, keystone.auth_url)
