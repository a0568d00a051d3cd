"""Federation objects in Keystone: read all of them, write one. Owns how each change becomes a call."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session
from keystoneclient.v3.client import Client

from p3idp.adapters.keystone.federation_people import NamedPeople
from p3idp.adapters.keystone.federation_read import Index, Listing
from p3idp.adapters.keystone.people import KeystonePeople
from p3idp.adapters.keystone.persistence import Persistence
from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Resource, Snapshot, mark, marked
from p3idp.core.keystone_url import v3_url
from p3idp.errors.keystone import KeystoneConflict

_EVERYTHING = frozenset(Kind)


class KeystoneFederation:
    """Reader and writer over one session. Writing uses the ids of the last reading."""

    def __init__(self, session: Session, auth_url: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._url = v3_url(auth_url)
        self._session = session
        self._persistently = Persistence(sleep)
        # The catalogue may name addresses that only services reach; the settings' address is the one that counts.
        self._adapter = Adapter(session, endpoint_override=self._url)
        self._client = Client(session=session, endpoint_override=self._url)
        self._index = Index()
        self._named = NamedPeople(self._adapter, self._index)
        self.people = KeystonePeople(self._adapter, self._index, self._persistently)

    def target(self) -> str:
        """The address of this Keystone."""
        return self._url

    def account(self) -> str:
        """The id of the Keystone user that p3idp writes as."""
        with keystone_errors("say who p3idp is"):
            return str(self._persistently(self._session.get_user_id))

    def read(self, domain: str, kinds: frozenset[Kind] = _EVERYTHING) -> Snapshot:
        """What Keystone holds (see ports.keystone.FederationReader)."""
        return Listing(self._adapter, self._index, domain, self._persistently).snapshot(kinds)

    def write(self, change: Change) -> None:
        """Make one change (see ports.keystone.FederationWriter)."""
        resource = change.resource
        writers: Mapping[Kind, Callable[[Change, Resource], None]] = {
            Kind.DOMAIN: self._domain,
            Kind.IDENTITY_PROVIDER: self._provider,
            Kind.PROJECT: self._project,
            Kind.GROUP: self._group,
            Kind.ROLE_ASSIGNMENT: self._grant,
            Kind.MAPPING: self._mapping,
            Kind.PROTOCOL: self._protocol,
            Kind.MEMBERSHIP: self._named.write,
        }
        with keystone_errors(f"{change.action} the {resource.kind.replace('_', ' ')} {resource.name}"):
            try:
                # What was made though the answer got lost is a conflict now; reading back tells the two apart.
                self._persistently(lambda: writers[resource.kind](change, resource))
            except ksa.NotFound:
                if change.after is not None:  # what is gone already need not be removed
                    raise

    def _domain(self, change: Change, wanted: Resource) -> None:
        made = self._client.domains.create(wanted.key[0], description=mark(str(wanted.owner)))
        self._index.domains[wanted.key[0]] = made.id

    def _provider(self, change: Change, wanted: Resource) -> None:
        attributes: dict[str, Any] = {
            "authorization_ttl": wanted.attributes["authorization_ttl"],
            "description": self._description(wanted),
            "enabled": wanted.attributes["enabled"],
            "remote_ids": wanted.attributes["issuers"],
        }
        providers = self._client.federation.identity_providers
        if change.before is None:
            domain = self._id(self._index.domains, str(wanted.attributes["domain"]), "domain")
            providers.create(wanted.key[0], domain_id=domain, **attributes)
            self._index.providers[wanted.key[0]] = wanted.owner
        else:
            providers.update(wanted.key[0], **attributes)

    def _project(self, change: Change, wanted: Resource) -> None:
        if change.before is None:
            self._make_project(wanted)
            return
        project = self._id(self._index.projects, wanted.key, "project")
        self._properties(project, {name: new for name, (_, new) in change.different.items()})
        if not change.adopts:
            return
        for tag in self._client.projects.list_tags(project):
            if tag.startswith("p3idp:"):
                self._client.projects.delete_tag(project, tag)
        self._client.projects.add_tag(project, mark(str(wanted.owner)))

    def _make_project(self, wanted: Resource) -> None:
        domain, tag = self._id(self._index.domains, wanted.key[0], "domain"), mark(str(wanted.owner))
        # POST writes accounting:VO as accounting_VO, and - as _ too; PATCH leaves names as they are.
        later = {name: value for name, value in wanted.attributes.items() if {":", "-"} & set(name)}
        at_once = {name: value for name, value in wanted.attributes.items() if name not in later}
        body = {**at_once, "name": wanted.key[1], "domain_id": domain, "tags": [tag]}
        try:
            made = self._adapter.post("/projects", json={"project": body}).json()["project"]["id"]
        except ksa.Conflict:
            # The answer to an earlier attempt may have got lost: then it is there, marked, and may lack properties.
            found = self._client.projects.list(domain=domain, name=wanted.key[1], tags=[tag])
            if not found:
                raise
            made, later = found[0].id, dict(wanted.attributes)
        self._index.projects[wanted.key] = str(made)
        self._properties(str(made), later)

    def _properties(self, project: str, properties: Mapping[str, Any]) -> None:
        """Set these; Keystone keeps the others. Names are sent as they are: a library would take some for its own."""
        if properties:
            self._adapter.patch(f"/projects/{project}", json={"project": dict(properties)})

    def _group(self, change: Change, wanted: Resource) -> None:
        groups = self._client.groups
        if change.before is None:
            domain = self._id(self._index.domains, wanted.key[0], "domain")
            made = groups.create(wanted.key[1], domain=domain, description=self._description(wanted))
            self._index.groups[wanted.key] = made.id
            self._index.group_owners[wanted.key] = wanted.owner
        elif change.after is None:
            groups.delete(self._id(self._index.groups, wanted.key, "group"))
        else:
            groups.update(self._id(self._index.groups, wanted.key, "group"), description=self._description(wanted))

    def _grant(self, change: Change, wanted: Resource) -> None:
        domain, group, role, target, where, what = wanted.key
        scope: dict[str, Any] = {"os_inherit_extension_inherited": target.startswith("inherited-")}
        match target.removeprefix("inherited-"):
            case "project":
                scope["project"] = self._index.projects.get((where, what), what)
            case "domain":
                scope["domain"] = self._index.domains.get(where, where)
            case _:
                scope["system"] = what
        call = self._client.roles.grant if change.after else self._client.roles.revoke
        role_id = self._index.roles.get(role, role)
        call(role_id, group=self._id(self._index.groups, (domain, group), "group"), **scope)

    def _mapping(self, change: Change, wanted: Resource) -> None:
        # Keystone falls back to schema 1.0 whenever the version is left out, on PATCH as well.
        content = {name: wanted.attributes[name] for name in ("rules", "schema_version")}
        mappings = self._client.federation.mappings
        (mappings.create if change.before is None else mappings.update)(wanted.key[0], **content)

    def _protocol(self, change: Change, wanted: Resource) -> None:
        # keystoneclient's create leaves remote_id_attribute out, without which keystone.conf would have to name it.
        provider, protocol = wanted.key
        attribute = wanted.attributes["remote_id_attribute"]
        body = {"protocol": {"mapping_id": wanted.attributes["mapping"], "remote_id_attribute": attribute}}
        path = f"/OS-FEDERATION/identity_providers/{provider}/protocols/{protocol}"
        (self._adapter.put if change.before is None else self._adapter.patch)(path, json=body)

    def _description(self, wanted: Resource) -> str:
        return marked(self._index.descriptions.get((wanted.kind, wanted.key), ""), str(wanted.owner))

    def _id(self, known: Mapping[Any, str], key: Any, what: str) -> str:
        if key not in known:
            name = key if isinstance(key, str) else "@".join(reversed(key))
            raise KeystoneConflict(f"Keystone has no {what} {name}, which this change needs.")
        return known[key]
