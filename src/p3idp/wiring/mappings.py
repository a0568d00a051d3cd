"""Where mapping rules run that need a clock of their own, and what an import of rules is made of."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import keystone_account

if TYPE_CHECKING:
    from collections.abc import Mapping

    from p3idp.ops.import_mapping import MappingImport
    from p3idp.ports.regex import Search
    from p3idp.settings import Settings


def wire_search() -> "Search":
    """Runs patterns in a process of their own, which is ended when its time is over."""
    from p3idp.adapters.regex_worker import RegexWorker

    return RegexWorker()


def wire_mapping_import() -> "MappingImport":
    """Takes over existing mappings."""
    from p3idp.adapters.policy_files.new_directory import NewDirectory
    from p3idp.ops.import_mapping import MappingImport

    return MappingImport(NewDirectory(), wire_search())


def wire_group_names(settings: "Settings") -> "Mapping[str, tuple[str, str]]":
    """All groups of Keystone by id, as (domain, name), asked as p3idp's own account."""
    from p3idp.adapters.keystone.group_names import group_names
    from p3idp.adapters.keystone.session import make_session

    keystone = settings.keystone
    session = make_session(keystone_account(settings), keystone.ca_file, keystone.timeout_seconds)
    return group_names(session, keystone.auth_url)
