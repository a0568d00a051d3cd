"""The policy's objects as a playbook of the openstack.cloud collection. Owns its tasks; the YAML is an adapter's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from p3idp.core.access.desired import Desired
from p3idp.core.access.resources import Kind, mark
from p3idp.core.export.parts import domain_of, issuers_of, of, properties_of
from p3idp.core.mappings.compile import SCHEMA_VERSION

PLAYBOOK = "access.yml"
FOLDER = "mappings"
ABOUT = (
    "ansible-playbook access.yml, with the collection openstack.cloud and OS_CLOUD or other OS_ variables.",
    "It makes what is missing, and sets what differs in identity providers, groups and mappings of these names; it",
    "takes nothing away, and a second run changes nothing. Roles, and projects that the site has anyway, must be",
    "there.",
    "The collection knows neither a project's tags nor a protocol's remote_id_attribute: name the latter in",
    "keystone.conf, [openid] remote_id_attribute = OIDC-iss (`p3idp site config` writes it).",
)


class Expression(str):
    """Jinja that Ansible is to evaluate. Every other text is data, whatever it looks like."""

    __slots__ = ()


def _item(name: str) -> Expression:
    return Expression(f"{{{{ item.{name} }}}}")


def playbook(desired: Desired, folder: str = FOLDER) -> Sequence[Mapping[str, Any]]:
    """One play. The rules are read from ``folder`` beside it."""
    play = {
        "name": "Access as plain Keystone objects",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [task for task in _tasks(desired, folder) if task.get("loop") != []],
    }
    return [play]


def _tasks(desired: Desired, folder: str) -> Iterator[Mapping[str, Any]]:
    domain = {"name": domain_of(desired)}
    yield {"name": "Domain", "openstack.cloud.identity_domain": domain, "register": "p3idp_domain"}
    domain_id = Expression("{{ p3idp_domain.domain.id }}")
    ours = mark(desired.owner)
    told: dict[str, Any] = {
        "id": _item("id"),
        "remote_ids": _item("remote_ids"),
        "authorization_ttl": _item("authorization_ttl"),
    }
    told |= {"domain_id": domain_id, "description": ours, "is_enabled": _item("enabled")}
    yield _loop("Identity providers", "federation_idp", told, _providers(desired))
    named = {"name": _item("name"), "domain": _item("domain")}
    projects = [dict(zip(("domain", "name"), each.key, strict=True)) for each in of(desired, Kind.PROJECT)]
    yield _loop("Projects", "project", named, projects)
    with_properties = [
        {"domain": each.key[0], "name": each.key[1], "properties": dict(properties_of(each))}
        for each in of(desired, Kind.PROJECT)
        if each.attributes
    ]
    # Apart from making them: Keystone writes accounting:VO as accounting_VO where a project is made.
    yield _loop("Properties", "project", {**named, "extra_specs": _item("properties")}, with_properties)
    group = {"name": Expression("{{ item }}"), "domain_id": domain_id, "description": ours}
    yield _loop("Groups", "identity_group", group, [each.key[1] for each in of(desired, Kind.GROUP)])
    words = ("group", "group_domain", "project", "project_domain", "role")
    yield _loop("Roles of groups", "role_assignment", {word: _item(word) for word in words}, _grants(desired))
    rules = f"lookup('ansible.builtin.file', playbook_dir ~ '/{folder}/' ~ item ~ '.json') | from_json"
    mapping = {"name": Expression("{{ item }}"), "schema_version": SCHEMA_VERSION}
    mapping["rules"] = Expression(f"{{{{ {rules} }}}}")
    yield _loop("Mappings", "federation_mapping", mapping, [each.key[0] for each in of(desired, Kind.MAPPING)])
    protocol = {word: _item(word) for word in ("idp", "name", "mapping")}
    protocols = [
        {"idp": each.key[0], "name": each.key[1], "mapping": each.attributes["mapping"]}
        for each in of(desired, Kind.PROTOCOL)
    ]
    yield _loop("Protocols", "keystone_federation_protocol", protocol, protocols)


def _loop(name: str, module: str, arguments: Mapping[str, Any], items: Sequence[Any]) -> Mapping[str, Any]:
    return {"name": name, f"openstack.cloud.{module}": dict(arguments), "loop": list(items)}


def _providers(desired: Desired) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "id": each.key[0],
            "remote_ids": list(issuers_of(each)),
            "authorization_ttl": each.attributes["authorization_ttl"],
            "enabled": each.attributes["enabled"],
        }
        for each in of(desired, Kind.IDENTITY_PROVIDER)
    ]


def _grants(desired: Desired) -> Sequence[Mapping[str, str]]:
    keys = (each.key for each in of(desired, Kind.ROLE_ASSIGNMENT))
    return [
        {"group": group, "group_domain": domain, "project": project, "project_domain": where, "role": role}
        for domain, group, role, _, where, project in keys
    ]
