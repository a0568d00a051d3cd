"""The names of groups that an old mapping knows by id. Owns one question."""

from collections.abc import Mapping

from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from p3idp.adapters.keystone.pages import whole_list
from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.keystone_url import v3_url
from p3idp.errors.keystone import KeystoneUnreachable

_LISTS = ("domains", "groups")


def group_names(session: Session, auth_url: str) -> Mapping[str, tuple[str, str]]:
    """Every group that Keystone shows, by id: its domain's name, and its own.

    A list that Keystone cuts short leaves groups unnamed, and their rules as they are. Raises KeystoneUnreachable,
    KeystoneForbids.
    """
    adapter = Adapter(session, endpoint_override=v3_url(auth_url), connect_retries=1)
    with keystone_errors("list groups", refusal=KeystoneUnreachable):
        lists = {key: whole_list(lambda page: adapter.get(page).json(), f"/{key}", key)[0] for key in _LISTS}
        domains: Mapping[str, str] = {row["id"]: row["name"] for row in lists["domains"]}
    return {row["id"]: (domains.get(row["domain_id"], row["domain_id"]), row["name"]) for row in lists["groups"]}
