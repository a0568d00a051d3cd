"""What should stand in Keystone, taken apart for those who write it down. Owns the order, and the rules as JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from p3idp.core.access.desired import Desired
from p3idp.core.access.resources import Kind, Resource

Files = Mapping[str, str]


def of(desired: Desired, kind: Kind) -> Sequence[Resource]:
    """The resources of a kind, sorted by name."""
    return sorted((each for each in desired.resources if each.kind is kind), key=lambda each: each.key)


def domain_of(desired: Desired) -> str:
    """The domain of the policy's people and groups."""
    return of(desired, Kind.DOMAIN)[0].key[0]


def issuers_of(provider: Resource) -> Sequence[str]:
    """The remote ids of an identity provider."""
    values: Any = provider.attributes["issuers"]
    return list(values)


def properties_of(project: Resource) -> Mapping[str, str]:
    """The properties of a project, sorted by name."""
    return {name: str(project.attributes[name]) for name in sorted(project.attributes)}


def rule_files(desired: Desired, folder: str) -> Files:
    """One file a mapping, in ``folder``: the bare list of rules, as ``openstack mapping create --rules`` takes it.

    ASCII only: the client reads the file in the encoding of whoever runs it.
    """
    return {
        rule_file(each, folder): json.dumps(each.attributes["rules"], indent=1) + "\n" for each in _mappings(desired)
    }


def rule_file(mapping: Resource, folder: str) -> str:
    """Where a mapping's rules lie. Ids of ours are made of letters, digits, dots, dashes and underscores."""
    return f"{folder}/{mapping.key[0]}.json"


def _mappings(desired: Desired) -> Sequence[Resource]:
    return of(desired, Kind.MAPPING)
