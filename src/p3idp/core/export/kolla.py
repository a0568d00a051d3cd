"""The policy's objects as variables of kolla-ansible. Owns what of them kolla can be told, and what it cannot.

Names as in kolla-ansible's group_vars/all/keystone.yml. Kolla knows one issuer a provider, no lifetime of groups, and
no groups, projects or roles: a playbook beside the variables brings those.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from p3idp.core.access.desired import Desired
from p3idp.core.access.resources import Kind
from p3idp.core.export.ansible import Expression
from p3idp.core.export.parts import domain_of, issuers_of, of
from p3idp.core.mappings.compile import SCHEMA_VERSION, mapping_id
from p3idp.core.policy.model import IdentityProvider, Policy
from p3idp.errors.export import ExportImpossible

VARIABLES = "globals.d/p3idp-federation.yml"
# Where kolla-ansible looks for a site's own files: node_custom_config.
FOLDER = "config/keystone/federation"
ABOUT = (
    "Variables for kolla-ansible. This directory laid over /etc/kolla, `kolla-ansible reconfigure --tags keystone`",
    "registers identity providers, mappings and protocols; access.yml brings what kolla cannot say: groups, projects,",
    "roles, further issuers, authorization_ttl. Run access.yml after each reconfigure, which sets one issuer again.",
    "metadata_folder holds client id and secret of your own registration, so it is not in here; for introspection and",
    "scopes see keystone_federation_oidc_additional_options, and `p3idp site config` for the directives themselves.",
)
_OPENERS = ("{{", "{%", "{#")


def kolla_variables(policy: Policy, desired: Desired) -> Mapping[str, Any]:
    """The variables. Raises ExportImpossible where a value would be taken for Jinja."""
    _refuse_jinja(policy, desired)
    return {
        "keystone_identity_providers": [_provider(policy, each) for each in policy.site.identity_providers],
        "keystone_identity_mappings": [
            {
                "name": each.key[0],
                "file": Expression(f"{{{{ node_custom_config }}}}/keystone/federation/{each.key[0]}.json"),
                "schema_version": SCHEMA_VERSION,
            }
            for each in of(desired, Kind.MAPPING)
        ],
    }


def _provider(policy: Policy, provider: IdentityProvider) -> Mapping[str, Any]:
    return {
        "name": str(provider.id),
        "openstack_domain": policy.site.domain,
        "protocol": provider.protocol,
        "identifier": provider.issuers[0],
        "public_name": provider.title,
        "attribute_mapping": mapping_id(provider),
        "metadata_folder": Expression("{{ node_custom_config }}/keystone/federation/metadata"),
    }


def _refuse_jinja(policy: Policy, desired: Desired) -> None:
    """Kolla hands values on to a second Ansible, which evaluates them again: no mark of the first one holds there."""
    for what, text in _texts(policy, desired):
        if any(opener in text for opener in _OPENERS):
            raise ExportImpossible(
                f"{what} holds {', '.join(o for o in _OPENERS if o in text)}, which kolla-ansible would evaluate.",
                hint="Export with --format openstack or --format ansible, which take any name.",
            )


def _texts(policy: Policy, desired: Desired) -> Iterator[tuple[str, str]]:
    yield f"The domain {policy.site.domain}", domain_of(desired)
    for provider in policy.site.identity_providers:
        yield f"The title of {provider.id}", provider.title
    for each in of(desired, Kind.IDENTITY_PROVIDER):
        yield f"An issuer of {each.key[0]}", " ".join(issuers_of(each))
    for mapping in of(desired, Kind.MAPPING):
        yield f"The mapping {mapping.key[0]}", json.dumps(mapping.attributes["rules"])
