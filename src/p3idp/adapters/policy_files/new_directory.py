"""A whole new policy directory: its text, read back before it is written, and written once. Owns site.yaml's text."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from p3idp.adapters.policy_files.load import COMMUNITIES, SITE_FILE, VERBATIM
from p3idp.adapters.policy_files.texts import policy_from_texts, write_policy
from p3idp.adapters.policy_files.write import community_text, suspension, yaml_text
from p3idp.core.mappings.compile import SCHEMA_VERSION
from p3idp.core.policy.model import IdentityProvider, Policy, Site

_NAME = "projects: {}   # FILL IN: the projects that the rules below give roles on"
_ASK = "projects: {}   # FILL IN: which roles does the group give, on which projects?"


class NewDirectory:
    """Policies as files."""

    def render(self, policy: Policy) -> Mapping[str, str]:
        """See ports.new_policy.PolicyDraft."""
        files = {SITE_FILE: site_text(policy.site)}
        for community in policy.communities:
            text = community_text(community, policy.site)
            # The first is what the community has, the others what its rules give.
            text = text.replace("\nprojects: {}\n", f"\n{_NAME}\n")
            files[f"{COMMUNITIES}/{community.name}.yaml"] = text.replace("    projects: {}\n", f"    {_ASK}\n")
        for verbatim in policy.verbatim:
            content = {"rules": list(verbatim.rules), "schema_version": SCHEMA_VERSION}
            files[f"{VERBATIM}/{verbatim.provider}.json"] = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        return files

    def load(self, files: Mapping[str, str]) -> Policy:
        """See ports.new_policy.PolicyDraft."""
        return policy_from_texts(files)

    def write(self, target: str, files: Mapping[str, str]) -> None:
        """See ports.new_policy.PolicyDraft."""
        write_policy(Path(target), files)


def site_text(site: Site) -> str:
    """The text of site.yaml, in the order of the example."""
    head = {"policy": str(site.id), "title": site.title, "domain": site.domain, "contact": site.contact}
    providers = {str(provider.id): _provider(provider) for provider in site.identity_providers}
    sections = (
        head | {"protected_projects": list(site.protected_projects)},
        {"identity_providers": providers},
    )
    return "\n".join(yaml_text(section) for section in sections)


def _provider(provider: IdentityProvider) -> Mapping[str, Any]:
    claims = provider.claims
    told = {"entitlements": list(claims.entitlements), "assurance": claims.assurance}
    lists = {"issuing_clients": provider.issuing_clients, "audiences": provider.audiences}
    return {
        "title": provider.title,
        "issuers": list(provider.issuers),
        "protocol": provider.protocol,
        **({"verified_by": "keys"} if provider.by_keys else {}),
        "claims": {"subject": claims.subject} | ({} if provider.by_keys else told),
        **({"scopes": list(provider.scopes)} if provider.scopes else {}),
        "authorization_ttl": _span(int(provider.authorization_ttl.total_seconds()) // 60),
        **{name: list(values) for name, values in lists.items() if values},
        **({"keystone_url": provider.keystone_url} if provider.keystone_url else {}),
        **suspension(provider.suspended),
    }


def _span(minutes: int) -> str:
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
