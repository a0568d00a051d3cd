"""The names of groups that an old mapping knows by id. Owns one question."""

from collections.abc import Mapping

from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.keystone_url import v3_url
from p3idp.errors.keystone import KeystoneUnreachable


def group_names(session: Session, auth_url: str) -> Mapping[str, tuple[str, str]]:
    """Every group that Keystone shows, by id: its domain's name, and its own.

    A list that Keystone cuts short leaves groups unnamed, and their rules as they are. Raises KeystoneUnreachable,
    KeystoneForbids.
    """
    adapter = Adapter(session, endpoint_override=v3_url(auth_url), connect_retries=1)
    with keystone_errors("list groups", refusal=KeystoneUnreachable):
        domains = {row["id"]: row["name"] for row in adapter.get("/domains").json()["domains"]}
        rows = adapter.get("/groups").json()["groups"]
    return {row["id"]: (domains.get(row["domain_id"], row["domain_id"]), row["name"]) for row in rows}
