"""The ids of projects, for what a site writes about them elsewhere. Owns one question in two lists."""

from collections.abc import Mapping

from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from p3idp.adapters.keystone.federation_read import Index, Listing
from p3idp.core.access.resources import Kind
from p3idp.core.keystone_url import v3_url
from p3idp.core.policy.model import ProjectRef


def project_ids(session: Session, auth_url: str) -> Mapping[ProjectRef, str]:
    """Every project that Keystone shows, by domain and name. Raises KeystoneUnreachable, KeystoneForbids."""
    adapter = Adapter(session, endpoint_override=v3_url(auth_url), connect_retries=1)
    index = Index(filled="any")  # as if read before: only the lists asked for are
    listing = Listing(adapter, index, "any")
    listing.snapshot(frozenset({Kind.DOMAIN}))
    listing.snapshot(frozenset({Kind.PROJECT}))
    return {ProjectRef(*key): identity for key, identity in index.projects.items()}
