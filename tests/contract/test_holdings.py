"""One suite for whoever reads what a user holds: the twin in memory, and a real Keystone with users of a provider."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from keystoneclient.v3.client import Client

from p3idp import wiring
from p3idp.adapters.keystone.holdings import KeystoneHoldings
from p3idp.adapters.keystone.persistence import Persistence
from p3idp.adapters.keystone.session import make_session, password_auth
from p3idp.adapters.memory.holdings import MemoryHoldings
from p3idp.core.credentials.held import ApplicationCredential, GivenRole, Holdings, Membership
from p3idp.core.policy.model import ProjectRef
from p3idp.core.secret import Secret
from p3idp.errors.keystone import KeystoneForbids, KeystoneUnreachable
from p3idp.lab.handle import LabHandle
from p3idp.ports.holdings import HoldingsReader

_numbers = count(1)
END = datetime(2099, 1, 1, tzinfo=UTC)


@dataclass
class House:
    """A domain ``name`` with the project p, the group g that is member there, and whoever is put into it."""

    reader: HoldingsReader
    name: str
    lab: Any = None
    client: Any = None
    ids: dict[str, str] = field(default_factory=lambda: {"p": "p"})

    @property
    def group(self) -> tuple[str, str]:
        return self.name, "g"

    def enter(self, user: str, *, own: tuple[str, ...] = ()) -> str:
        """Somebody in g for good, with these roles of their own on p."""
        if isinstance(self.reader, MemoryHoldings):
            self.reader.in_groups[user] = [Membership(self.group, None)]
            self.reader.grants[self.group] = [("p", "member"), ("p", "reader")]
            self.reader.own[user] = [("p", role) for role in own]
            return user
        made = self.client.users.create(user, domain=self.ids["domain"], password="a-password")
        self.client.users.add_to_group(made, self.ids["g"])
        for role in own:
            self.client.roles.grant(self.client.roles.list(name=role)[0], user=made, project=self.ids["p"])
        return str(made.id)

    def make(self, user: str, name: str, roles: tuple[str, ...], until: datetime | None = None) -> str:
        """An application credential of theirs on p."""
        if isinstance(self.reader, MemoryHoldings):
            made = ApplicationCredential(f"id-{name}", name, ProjectRef(self.name, "p"), "p", roles, until)
            before = self.reader.held.get(user, Holdings())
            self.reader.held[user] = Holdings((*before.credentials, made), before.ec2, before.trusts)
            return made.id
        own = self._as(user)
        wanted = {"name": name, "roles": [{"name": role} for role in roles]}
        if until:
            wanted["expires_at"] = until.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        path = f"/users/{user}/application_credentials"
        reply = own.post(path, json={"application_credential": wanted}, endpoint_override=self._url)
        return str(reply.json()["application_credential"]["id"])

    def delegate(self, user: str, to: str) -> None:
        """An EC2 credential, and a trust to somebody else."""
        if isinstance(self.reader, MemoryHoldings):
            before = self.reader.held.get(user, Holdings())
            self.reader.held[user] = Holdings(before.credentials, before.ec2 + 1, before.trusts + 1)
            return
        own, project = self._as(user), self.ids["p"]
        ec2 = f"/users/{user}/credentials/OS-EC2"
        own.post(ec2, json={"tenant_id": project}, endpoint_override=self._url)
        trust = {"trustor_user_id": user, "trustee_user_id": to, "impersonation": False, "project_id": project}
        body = {"trust": trust | {"roles": [{"name": "member"}]}}
        own.post("/OS-TRUST/trusts", json=body, endpoint_override=self._url)

    @property
    def _url(self) -> str:
        return str(self.lab.urls.keystone_url)

    def _as(self, user: str) -> Any:
        name = self.client.users.get(user).name
        scope = {"project_id": self.ids["p"]}
        return make_session(
            password_auth(self._url, name, self.name, Secret("a-password"), scope), self.lab.ca_file, 30
        )


@pytest.fixture(scope="module")
def client(lab: LabHandle) -> Client:
    settings = lab.settings
    session = make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30)
    return Client(session=session, endpoint_override=settings.keystone.auth_url)


def real(lab: LabHandle, client: Client, name: str) -> House:
    domain = client.domains.create(name)
    ids = {"domain": domain.id, "p": client.projects.create("p", domain).id}
    ids["g"] = client.groups.create("g", domain=domain).id
    client.roles.grant(client.roles.list(name="member")[0], group=ids["g"], project=ids["p"])
    return House(wiring.wire_holdings(lab.settings), name, lab, client, ids)


@pytest.fixture(params=["memory", "keystone"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    name = f"holdings-{next(_numbers)}"
    if request.param == "memory":
        yield House(MemoryHoldings(), name)
        return
    made = real(request.getfixturevalue("lab"), request.getfixturevalue("client"), name)
    yield made
    made.client.domains.update(made.ids["domain"], enabled=False)
    made.client.domains.delete(made.ids["domain"])


def test_credentials_are_told_with_roles_project_and_end_and_never_a_secret(house: House) -> None:
    ann = house.enter("ann ü")
    nightly = house.make(ann, "nightly", ("member", "reader"))
    backup = house.make(ann, "backup", ("reader",), END)
    project = ProjectRef(house.name, "p")
    assert house.reader.credentials(ann) == (
        ApplicationCredential(backup, "backup", project, house.ids["p"], ("reader",), END),
        ApplicationCredential(nightly, "nightly", project, house.ids["p"], ("member", "reader")),
    )


def test_roles_are_told_with_the_group_that_gives_them_and_implied_ones_too(house: House) -> None:
    ann = house.enter("ann", own=("reader",))
    through, project = Membership(house.group, None), house.ids["p"]
    assert house.reader.memberships(ann) == (through,)
    assert house.reader.given_roles(ann) == (
        GivenRole(project, "member", through),
        GivenRole(project, "reader"),
        GivenRole(project, "reader", through),
    )


def test_ec2_credentials_and_trusts_are_counted(house: House) -> None:
    ann, ben = house.enter("ann"), house.enter("ben")
    house.delegate(ann, ben)
    held = house.reader.holdings(ann)
    assert (held.credentials, held.ec2, held.trusts) == ((), 1, 1)
    assert house.reader.holdings(ben) == Holdings()


def test_whoever_is_not_there_has_nothing(house: House) -> None:
    reader = house.reader
    for asked in (reader.credentials, reader.memberships, reader.given_roles):
        assert asked("no/body") == ()
    assert reader.holdings("no/body") == Holdings()


def test_a_membership_by_login_has_the_end_that_keystone_keeps_to(site: LabHandle) -> None:
    """Eight hours by the policy's authorization_ttl, and one more login sets the end anew."""
    from keystone_checks import KeystoneChecks

    keystone, reader = KeystoneChecks(site), wiring.wire_holdings(site.settings)
    try:
        began = datetime.now(UTC)
        user = keystone.federated_login(site.token("alice")).json()["token"]["user"]["id"]
        (membership,) = reader.memberships(user)
        assert membership.group == ("egi", "vo.access.egi.eu:role=vm_operator")
        assert membership.until is not None
        assert timedelta() <= membership.until - began - timedelta(hours=8) < timedelta(seconds=30)
        given = reader.given_roles(user)
        assert {each.role for each in given} == {"member", "reader"}
        assert {each.through for each in given} == {membership}
    finally:
        keystone.close()


def test_an_account_that_may_not_look_at_others_is_told_apart(lab: LabHandle, client: Client) -> None:
    house = real(lab, client, f"holdings-{next(_numbers)}")
    ann, ben = house.enter("ann"), house.enter("ben")
    weak = KeystoneHoldings(house._as(ben), lab.urls.keystone_url, Persistence(lambda seconds: None))
    for asked in (weak.credentials, weak.memberships, weak.given_roles, weak.holdings):
        with pytest.raises(KeystoneForbids):
            asked(ann)


def test_a_list_that_keystone_cut_short_is_no_answer(lab: LabHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = wiring.wire_holdings(lab.settings)
    cut = type("Reply", (), {"json": lambda self: {"application_credentials": [], "truncated": True}})()
    monkeypatch.setattr(reader._adapter, "get", lambda path: cut)  # type: ignore[attr-defined]  # the real one
    with pytest.raises(KeystoneUnreachable, match="cut the list of application credentials short"):
        reader.credentials("somebody")
