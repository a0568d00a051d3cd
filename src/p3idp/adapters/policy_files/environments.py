"""environments/<name>.yaml: what one Keystone has otherwise than site.yaml says. Owns what may differ there.

A file of few keys, written as site.yaml is; no second language. What it names stands in the place of what site.yaml
says there, whole. The policy's id, its domain, what is protected and what communities get are the same everywhere.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

from p3idp.adapters.policy_files.explain import meant
from p3idp.adapters.policy_files.mistakes import Mistakes
from p3idp.adapters.policy_files.nodes import Document, Path
from p3idp.adapters.policy_files.schema import (
    Address,
    ApproversSection,
    Duration,
    Issuer,
    Name,
    Plain,
    Section,
    SiteFile,
    Slug,
    SuspendedSection,
    Text,
    list_of_approvers,
    said,
)
from p3idp.adapters.policy_files.site import convert_site
from p3idp.core.policy.model import Site

ENVIRONMENTS = "environments"


class ProviderDifference(Section):
    """Of one identity provider. Defaults mean nothing here: only what is written counts."""

    title: Text = ""
    issuers: list[Issuer] = Field(default=[], min_length=1)
    scopes: list[Text] = Field(default=[], min_length=1)
    authorization_ttl: Duration = timedelta()
    issuing_clients: list[Plain] = Field(default=[])
    audiences: list[Plain] = Field(default=[])
    keystone_url: Address = ""
    suspended: Annotated[SuspendedSection | None, BeforeValidator(said)] = None


class EnvironmentFile(Section):
    """environments/<name>.yaml; ``{}`` where nothing differs. ``without_communities``: those that are not there yet."""

    title: Text = ""
    contact: Text = ""
    identity_providers: dict[Slug, ProviderDifference] = Field(default={})
    approvers: Annotated[ApproversSection | None, BeforeValidator(list_of_approvers)] = None
    without_communities: list[Name] = Field(default=[])


@dataclass(slots=True)
class Overlaid(Mistakes):
    """Mistakes of the two files together, each told of the one that says it. ``beneath``: site.yaml."""

    beneath: Document = field(default_factory=lambda: Document("site.yaml"))

    def add(self, path: Path, message: str) -> None:
        """Note a mistake at a path."""
        said_here = any(known[: len(path)] == path for known in self.document.lines)
        self.places.append((self.document if said_here else self.beneath).place(path, message))


def site_at(own: EnvironmentFile, section: SiteFile, mistakes: Mistakes) -> Site:
    """The site of one environment; what makes no sense is added to ``mistakes``."""
    for name in own.identity_providers.keys() - section.identity_providers.keys():
        known = section.identity_providers
        there = meant(name, known) or f"; there are {', '.join(sorted(known))}"
        mistakes.add(("identity_providers", name), f"no identity provider `{name}` is in site.yaml{there}")
    providers = {
        name: provider.model_copy(update=_written(own.identity_providers[name]))
        if name in own.identity_providers
        else provider
        for name, provider in section.identity_providers.items()
    }
    differs = {key: value for key, value in _written(own).items() if key != "without_communities"}
    return convert_site(section.model_copy(update={**differs, "identity_providers": providers}), mistakes)


def left_out(own: EnvironmentFile, communities: Collection[str], mistakes: Mistakes) -> frozenset[str]:
    """The communities that this environment does not have; one that the policy has not is a mistake."""
    for index, name in enumerate(own.without_communities):
        if name not in communities:
            told = f"the policy has no community `{name}`{meant(name, communities)}"
            mistakes.add(("without_communities", index), told)
    return frozenset(own.without_communities)


def _written(section: Section) -> Mapping[str, object]:
    """What the file says, and no default."""
    return {name: getattr(section, name) for name in section.model_fields_set}
