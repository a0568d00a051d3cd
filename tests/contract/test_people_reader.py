"""One suite for whoever lists people: the twin in memory, and a real Keystone with users of an identity provider."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from keystoneclient.v3.client import Client

from p3idp import wiring
from p3idp.adapters.keystone import pages
from p3idp.adapters.keystone.federation import KeystoneFederation
from p3idp.adapters.keystone.people import people_alone
from p3idp.adapters.keystone.persistence import Persistence
from p3idp.adapters.keystone.session import make_session, password_auth
from p3idp.adapters.memory.people import MemoryPeople
from p3idp.core.access.people.cloud import Right
from p3idp.core.access.people.known import ShadowUser
from p3idp.core.access.resources import Key
from p3idp.core.secret import Secret
from p3idp.errors.keystone import KeystoneForbids
from p3idp.lab.handle import LabHandle
from p3idp.ports.people import PeopleReader

_numbers = count(1)
RULES = [
    {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "OIDC-sub"}, {"type": "OIDC-iss", "any_one_of": []}]}
]


@dataclass
class Town:
    """A domain with a provider of its name and another, and whoever is put there."""

    reader: PeopleReader
    name: str
    client: Any = None
    federation: Any = None
    ids: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        """Read the domain anew: users' own grants come with it."""
        if self.federation is not None:
            self.federation.read(self.name)

    def add(self, name: str, provider: str, *groups: Key, own: tuple[Right, ...] = (), enabled: bool = True) -> str:
        if isinstance(self.reader, MemoryPeople):
            user = ShadowUser(f"id-{name}", name, provider, enabled, own)
            self.reader.shadows.append(user)
            self.reader.groups[user.id] = frozenset(groups)
            return user.id
        federated = [{"idp_id": provider, "protocols": [{"protocol_id": "openid", "unique_id": name}]}]
        user = self.client.users.create(
            name=name, domain=self.ids["domain"], federated=federated, enabled=enabled, password=None
        )
        for _, group in groups:
            self.client.users.add_to_group(user, self.ids[group])
        for right in own:
            role = self.client.roles.list(name=right.role)[0]
            self.client.roles.grant(role, user=user, project=self.ids[right.name])
        return str(user.id)


@pytest.fixture(scope="module")
def client(lab: LabHandle) -> Client:
    settings = lab.settings
    session = make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30)
    return Client(session=session, endpoint_override=settings.keystone.auth_url)


def real(lab: LabHandle, client: Client, name: str) -> Town:
    settings = lab.settings
    session = make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30)
    federation = KeystoneFederation(session, settings.keystone.auth_url)
    domain = client.domains.create(name)
    ids = {"domain": domain.id}
    for provider in (name, f"{name}-other"):
        client.federation.identity_providers.create(provider, domain_id=domain.id, enabled=True)
        client.federation.mappings.create(provider, rules=RULES)
        client.federation.protocols.create("openid", provider, provider)
    ids |= {group: client.groups.create(group, domain=domain).id for group in ("g1", "g2")}
    ids["p"] = client.projects.create("p", domain).id
    federation.read(name)
    return Town(federation.people, name, client, federation, ids)


@pytest.fixture(params=["memory", "keystone"])
def town(request: pytest.FixtureRequest) -> Iterator[Town]:
    name = f"people-{next(_numbers)}"
    if request.param == "memory":
        yield Town(MemoryPeople(), name)
        return
    made = real(request.getfixturevalue("lab"), request.getfixturevalue("client"), name)
    yield made
    made.client.domains.update(made.ids["domain"], enabled=False)
    made.client.domains.delete(made.ids["domain"])


def test_users_are_those_of_the_providers_asked_for_with_their_own_grants(town: Town) -> None:
    own = (Right("project", town.name, "p", "member"),)
    ann = town.add("ann@x", town.name, (town.name, "g1"), own=own)
    ben = town.add("ben ü", town.name, enabled=False)
    town.add("cat", f"{town.name}-other")
    town.read()
    found = town.reader.users(town.name, [town.name])
    assert {user.id: user for user in found.users} == {
        ann: ShadowUser(ann, "ann@x", town.name, True, own),
        ben: ShadowUser(ben, "ben ü", town.name, False, ()),
    }
    assert found.complete
    both = town.reader.users(town.name, [town.name, f"{town.name}-other"])
    assert sorted(user.name for user in both.users) == ["ann@x", "ben ü", "cat"]
    assert town.reader.users(town.name, []).users == ()


def test_groups_are_named_as_the_domain_names_them_and_nobody_unknown_is_in_any(town: Town) -> None:
    ann = town.add("ann", town.name, (town.name, "g1"), (town.name, "g2"))
    ben = town.add("ben", town.name)
    assert town.reader.groups_of(ann) == {(town.name, "g1"), (town.name, "g2")}
    assert town.reader.groups_of(ben) == frozenset()
    assert town.reader.groups_of("nobody") == frozenset()


def test_a_provider_that_is_not_there_has_no_users(town: Town) -> None:
    assert town.reader.users(town.name, ["no such/provider"]).users == ()


def test_people_can_be_listed_without_everything_else_and_with_the_address_that_keystone_has(
    lab: LabHandle, client: Client
) -> None:
    town = real(lab, client, f"people-{next(_numbers)}")
    ann, ben = town.add("ann", town.name), town.add("ben", town.name, enabled=False)
    client.users.update(ann, email="ann@example.org")
    session = make_session(wiring.keystone_account(lab.settings), lab.ca_file, 30)
    place = session, lab.urls.keystone_url, Persistence(lambda seconds: None), town.name
    found = people_alone(*place, [town.name])
    assert set(found.users) == {
        ShadowUser(ann, "ann", town.name, email="ann@example.org"),
        ShadowUser(ben, "ben", town.name, enabled=False),
    }
    assert found.domain_id == town.ids["domain"]


def test_more_people_than_a_page_holds_are_each_listed_once(
    lab: LabHandle, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keystone has no pages of a provider's users: asked for the next one, it gives the first again."""
    monkeypatch.setattr(pages, "MOST_A_PAGE", 2)
    town = real(lab, client, f"people-{next(_numbers)}")
    made = [town.add(name, town.name) for name in ("ann", "ben", "cat")]
    town.read()
    asked, get = count(1), town.federation._adapter.get

    def bounded(path: str) -> Any:
        assert next(asked) < 10, "the same page again and again"
        return get(path)

    monkeypatch.setattr(town.federation._adapter, "get", bounded)
    assert sorted(user.id for user in town.reader.users(town.name, [town.name]).users) == sorted(made)


def test_an_account_that_may_not_list_users_is_told_apart(lab: LabHandle, client: Client) -> None:
    name = f"people-{next(_numbers)}"
    user = client.users.create(name, domain="default", password="a-password")
    project = client.projects.create(name, "default")
    client.roles.grant(client.roles.list(name="member")[0], user=user, project=project)
    scope = {"project_name": name, "project_domain_name": "Default"}
    url = lab.settings.keystone.auth_url
    auth = password_auth(url, name, "Default", Secret("a-password"), scope)
    weak = KeystoneFederation(make_session(auth, lab.ca_file, 30), url).people
    with pytest.raises(KeystoneForbids):
        weak.users("egi", ["egi"])
