"""One suite for whoever reads and writes federation objects: the twin in memory, and a real Keystone."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import requests
from keystoneauth1.adapter import Adapter
from keystoneclient.v3.client import Client

from p3idp import wiring
from p3idp.adapters.keystone import pages
from p3idp.adapters.keystone.federation import KeystoneFederation
from p3idp.adapters.keystone.session import make_session, password_auth
from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.core.access.plan import Change, satisfied
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.policy.model import NamedPerson, ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.keystone import KeystoneConflict, KeystoneForbids, KeystoneRefusedCredentials, KeystoneUnreachable

OWNER = "contract-site"
RULES = [
    {
        "local": [{"user": {"id": "{0}", "name": "{0}", "domain": {"name": "x"}}}],
        "remote": [{"type": "OIDC-sub"}, {"type": "OIDC-iss", "any_one_of": []}],
    }
]
_numbers = count(1)


@dataclass
class Site:
    """A domain of its own in some Keystone, and everything that may stand in it."""

    federation: Any
    name: str

    @property
    def provider(self) -> Resource:
        attributes = {
            "authorization_ttl": 480,
            "domain": self.name,
            "enabled": True,
            "issuers": [f"https://{self.name}.test"],
        }
        return Resource(Kind.IDENTITY_PROVIDER, (self.name,), attributes, OWNER)

    @property
    def mapping(self) -> Resource:
        attributes = {"rules": RULES, "schema_version": "2.0"}
        return Resource(Kind.MAPPING, (f"p3idp-{self.name}",), attributes, OWNER)

    @property
    def protocol(self) -> Resource:
        attributes = {"mapping": f"p3idp-{self.name}", "remote_id_attribute": "OIDC-iss"}
        return Resource(Kind.PROTOCOL, (self.name, "openid"), attributes, OWNER)

    @property
    def group(self) -> Resource:
        return Resource(Kind.GROUP, (self.name, "vo.test:role=vm_operator"), {}, OWNER)

    @property
    def project(self) -> Resource:
        return Resource(Kind.PROJECT, (self.name, "p3"), {}, OWNER)

    def grant(self, role: str) -> Resource:
        return Resource(Kind.ROLE_ASSIGNMENT, (*self.group.key, role, "project", *self.project.key), {}, OWNER)

    @property
    def everything(self) -> list[Resource]:
        domain = Resource(Kind.DOMAIN, (self.name,), {}, OWNER)
        parts = [self.provider, self.project, self.group, self.grant("member"), self.mapping, self.protocol]
        return [domain, *parts]

    def make(self) -> None:
        self.federation.read(self.name)
        for resource in self.everything:
            self.federation.write(Change(None, resource))

    def name_somebody(self) -> Resource:
        """Somebody who is named, in a group of their own."""
        person = NamedPerson("pia@egi.eu", ProviderId(self.name), ())
        self.federation.write(Change(None, Resource(Kind.GROUP, (self.name, person.group), {}, OWNER)))
        key = (self.name, person.group, self.name, "openid", person.subject)
        membership = Resource(Kind.MEMBERSHIP, key, {}, OWNER)
        self.federation.write(Change(None, membership))
        return membership

    def there(self, resource: Resource) -> Resource | None:
        return self.federation.read(self.name, frozenset({resource.kind})).of(resource.kind).get(resource.key)


@pytest.fixture(scope="module")
def keystone(lab) -> KeystoneFederation:
    settings = lab.settings
    session = make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30)
    return KeystoneFederation(session, settings.keystone.auth_url)


@pytest.fixture(params=["memory", "keystone"])
def site(request) -> Site:
    federation = MemoryKeystone() if request.param == "memory" else request.getfixturevalue("keystone")
    return Site(federation, f"contract-{next(_numbers)}")


@pytest.fixture(scope="module")
def standing(keystone) -> Site:
    """A site in the real Keystone where everything stands; tests leave it as it is."""
    site = Site(keystone, f"contract-{next(_numbers)}")
    site.make()
    site.name_somebody()
    return site


@pytest.fixture(scope="module", params=["memory", "keystone"])
def made(request) -> Site:
    """A site where everything stands; tests only look at it."""
    if request.param == "keystone":
        site: Site = request.getfixturevalue("standing")
        return site
    site = Site(MemoryKeystone(), "contract-memory")
    site.make()
    site.name_somebody()
    return site


def test_what_was_written_is_read_back_with_its_owner(made):
    snapshot = made.federation.read(made.name)
    for resource in made.everything:
        there = snapshot.of(resource.kind).get(resource.key)
        assert satisfied(resource, there), resource
        assert there.owner == OWNER, resource


def test_keystone_says_the_moment_by_its_own_clock(keystone):
    said_at = keystone.read("Default").said_at
    assert abs(said_at - wiring.now()) < timedelta(minutes=1)


def test_what_is_there_already_is_a_conflict_or_no_change(made):
    made.federation.read(made.name)
    for resource in (made.provider, made.group, made.mapping, made.protocol):
        with pytest.raises(KeystoneConflict):
            made.federation.write(Change(None, resource))
    made.federation.write(Change(None, made.grant("member")))
    with suppress(KeystoneConflict):  # one of ours may be there since an attempt whose answer got lost
        made.federation.write(Change(None, made.project))
    assert satisfied(made.project, made.there(made.project))


def test_what_is_gone_already_need_not_be_removed(site):
    site.make()
    for resource in (site.grant("member"), site.group):
        site.federation.write(Change(resource, None))
        site.federation.write(Change(resource, None))
        assert site.there(resource) is None


def test_a_lasting_membership_comes_goes_and_may_be_asked_for_twice(site):
    site.make()
    membership = site.name_somebody()
    assert site.there(membership).owner == OWNER
    site.federation.write(Change(None, membership))
    for _ in range(2):
        site.federation.write(Change(membership, None))
        assert site.there(membership) is None


def test_a_membership_goes_with_its_group(site):
    site.make()
    membership = site.name_somebody()
    site.federation.write(Change(Resource(Kind.GROUP, membership.key[:2], {}, OWNER), None))
    site.federation.read(site.name, frozenset({Kind.GROUP}))
    assert site.there(membership) is None


def test_an_update_changes_what_it_names_and_keeps_the_mark(site):
    site.make()
    issuers = sorted([f"https://{site.name}.test", f"https://{site.name}.new"])
    changed = {
        site.provider: {"authorization_ttl": 60, "enabled": False, "issuers": issuers},
        site.mapping: {"rules": [*RULES, RULES[0]], "schema_version": "2.0"},
    }
    for resource, attributes in changed.items():
        wanted = replace(resource, attributes={**resource.attributes, **attributes})
        site.federation.write(Change(resource, wanted))
        assert satisfied(wanted, site.there(wanted)), "and a mapping has not fallen back to schema 1.0"


def test_adopting_puts_our_mark_in_place_of_anothers(site):
    site.make()
    for resource in (site.provider, site.group, site.project):
        taken = replace(resource, owner="another-site")
        site.federation.write(Change(resource, taken))
        assert site.there(resource).owner == "another-site"
        assert site.there(site.grant("member")), "grants stay"


def test_a_projects_properties_are_set_and_changed_and_those_of_others_stay(site):
    site.make()
    # "parent" and "self" are anybody's words, and must not be taken for a library's own.
    first = {"egi.VO": "/biomed/vip", "accounting:VO": "biomed", "parent": "a", "self": "b"}
    project = replace(site.project, key=(site.name, "accounted"), attributes=first)
    site.federation.write(Change(None, project))
    assert satisfied(project, site.there(project))
    less = replace(project, attributes={"egi.VO": "vo.new"})
    site.federation.write(Change(project, less))
    assert site.there(project).attributes == {**first, "egi.VO": "vo.new"}
    assert site.there(project).owner == OWNER


def test_a_narrow_reading_holds_the_kinds_asked_for_only(made):
    made.federation.read(made.name)
    for kind in Kind:
        kinds = {resource.kind for resource in made.federation.read(made.name, frozenset({kind})).resources}
        assert kinds == {kind}


def test_the_roles_and_what_they_imply_are_known(made):
    roles = made.federation.read(made.name)
    assert {"admin", "member", "reader"} <= set(roles.roles)
    assert roles.implied("admin") >= {"admin", "member", "reader"}
    assert "admin" not in roles.implied("member")


def test_a_change_that_lacks_its_ground_is_refused(site):
    site.federation.read(site.name)
    for resource in (site.provider, site.group, site.project, site.protocol):
        with pytest.raises(KeystoneConflict):
            site.federation.write(Change(None, resource))
    site.make()
    with pytest.raises(KeystoneConflict):
        site.federation.write(Change(None, site.grant("no-such-role")))


class TestOnlyARealKeystoneShows:
    def test_every_reading_is_a_handful_of_lists_however_many_groups_there_are(self, keystone, monkeypatch):
        site = Site(keystone, f"contract-{next(_numbers)}")
        site.make()
        for number in range(3):
            keystone.write(Change(None, Resource(Kind.GROUP, (site.name, f"group {number}"), {}, OWNER)))
        asked: list[str] = []
        send = requests.Session.send
        monkeypatch.setattr(requests.Session, "send", lambda s, r, **k: (asked.append(r.url), send(s, r, **k))[1])
        assert len(keystone.read(site.name).of(Kind.GROUP)) == 4
        assert len(asked) == 9, "eight lists, and the protocols of the one provider of this domain"

    def test_everything_is_seen_however_few_rows_keystone_gives_at_once(self, keystone, monkeypatch):
        """Asked for no page, Keystone stops at its max_db_limit and says nothing: what is left out would be planned."""
        site = Site(keystone, f"contract-{next(_numbers)}")
        site.make()
        for number in range(4):
            keystone.write(Change(None, Resource(Kind.GROUP, (site.name, f"group {number}"), {}, OWNER)))
        whole = keystone.read(site.name)
        asked: list[str] = []
        send = requests.Session.send
        monkeypatch.setattr(requests.Session, "send", lambda s, r, **k: (asked.append(r.url), send(s, r, **k))[1])
        for most in (1, 2, 5):
            asked.clear()
            monkeypatch.setattr(pages, "MOST_A_PAGE", most)
            paged = keystone.read(site.name)
            assert (set(paged.resources), paged.missing) == (set(whole.resources), ())
            assert len([url for url in asked if "/groups?" in url]) == 5 // most + 1, "the last page is not a full one"

    def test_lists_that_grow_long_are_asked_for_by_pages(self, keystone, monkeypatch):
        asked: list[str] = []
        send = requests.Session.send
        monkeypatch.setattr(requests.Session, "send", lambda s, r, **k: (asked.append(r.url), send(s, r, **k))[1])
        keystone.read("Default")
        for name in ("domains", "groups", "projects"):
            (url,) = [url for url in asked if re.search(rf"/v3/{name}\b", url)]
            assert "limit=10000" in url

    def test_a_list_that_keystone_cut_short_is_known_as_incomplete(self, keystone, monkeypatch):
        original = Adapter.get

        def cut(adapter, url, **kwargs):
            reply = original(adapter, url, **kwargs)
            if url == "/role_assignments":
                reply._content = json.dumps({**reply.json(), "truncated": True}).encode()
            return reply

        monkeypatch.setattr(Adapter, "get", cut)
        assert keystone.read("Default").missing == ("role assignments",)

    def test_inherited_domain_and_system_grants_of_a_group_are_seen_and_can_be_revoked(self, keystone, standing):
        site = standing
        keystone.read(site.name)
        group, member = site.group.key, "member"
        extra = [
            Resource(Kind.ROLE_ASSIGNMENT, (*group, member, "domain", site.name, ""), {}, OWNER),
            Resource(Kind.ROLE_ASSIGNMENT, (*group, member, "inherited-domain", site.name, ""), {}, OWNER),
            Resource(Kind.ROLE_ASSIGNMENT, (*group, member, "inherited-project", site.name, "p3"), {}, OWNER),
            Resource(Kind.ROLE_ASSIGNMENT, (*group, "reader", "system", "", "all"), {}, OWNER),
        ]
        for resource in extra:
            keystone.write(Change(None, resource))
            assert site.there(resource), resource
            keystone.write(Change(resource, None))
            assert site.there(resource) is None

    def test_a_mapping_is_never_sent_without_its_schema_version(self, keystone, standing, monkeypatch):
        """Keystone falls back to its configured default, 1.0 on most sites, wherever the version is left out."""
        keystone.read(standing.name)
        bodies: list[str] = []
        send = requests.Session.send
        monkeypatch.setattr(
            requests.Session, "send", lambda s, r, **k: (bodies.append(str(r.body)), send(s, r, **k))[1]
        )
        keystone.write(Change(standing.mapping, standing.mapping))
        assert ['"schema_version": "2.0"' in body for body in bodies] == [True]

    def test_what_people_wrote_stays_beside_the_mark_and_no_other_mark_does(self, keystone):
        site = Site(keystone, f"contract-{next(_numbers)}")
        site.make()
        groups = keystone._client.groups
        (group,) = groups.list(domain=keystone._index.domains[site.name])
        groups.update(group, description=f"{group.description} People of a VO")
        keystone.read(site.name)
        keystone.write(Change(site.group, replace(site.group, owner="another-site")))
        assert groups.get(group).description == "People of a VO p3idp:another-site"
        assert site.there(site.group).owner == "another-site"

    def test_a_taken_issuer_is_a_conflict(self, keystone):
        one, other = (Site(keystone, f"contract-{next(_numbers)}") for _ in range(2))
        one.make()
        keystone.write(Change(None, Resource(Kind.DOMAIN, (other.name,), {}, OWNER)))
        attributes = {**other.provider.attributes, "issuers": one.provider.attributes["issuers"]}
        with pytest.raises(KeystoneConflict):
            keystone.write(Change(None, replace(other.provider, attributes=attributes)))


class TestWhatGoesWrongIsOneMessage:
    def test_a_wrong_password(self, lab):
        keystone = lab.settings.keystone
        auth = password_auth(
            keystone.auth_url,
            "admin",
            "Default",
            Secret("wrong"),
            {"project_name": "admin", "project_domain_name": "Default"},
        )
        federation = KeystoneFederation(make_session(auth, keystone.ca_file, 30), keystone.auth_url)
        with pytest.raises(KeystoneRefusedCredentials) as refused:
            federation.read("egi")
        assert "wrong" not in refused.value.detail
        assert refused.value.exit_status == 4

    @pytest.mark.parametrize("url", ["https://127.0.0.1:1/v3", "http://127.0.0.1:1/v3"])
    def test_nobody_listens(self, url):
        auth = password_auth(url, "admin", "Default", Secret("x"), {"system_scope": "all"})
        with pytest.raises(KeystoneUnreachable) as refused:
            KeystoneFederation(make_session(auth, None, 5), url).read("egi")
        assert refused.value.exit_status == 5

    def test_a_certificate_of_another_authority(self, lab, monkeypatch):
        """The environment may name a bundle that holds this authority: it must not count."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(lab.ca_file))
        url = lab.settings.keystone.auth_url
        auth = password_auth(url, "admin", "Default", Secret("x"), {"system_scope": "all"})
        with pytest.raises(KeystoneUnreachable, match="not trusted") as refused:
            KeystoneFederation(make_session(auth, None, 5), url).read("egi")
        assert "ca_file" in refused.value.hint

    def test_something_else_answers(self, lab):
        url = lab.urls.issuer
        auth = password_auth(url, "admin", "Default", Secret("x"), {"system_scope": "all"})
        with pytest.raises(KeystoneUnreachable):
            KeystoneFederation(make_session(auth, lab.ca_file, 5), url).read("egi")

    def test_an_account_without_rights(self, lab, keystone):
        client = Client(session=keystone._session, endpoint_override=keystone.target())
        name = f"contract-{next(_numbers)}"
        user = client.users.create(name, domain="default", password="a-password")
        project = client.projects.create(name, "default")
        client.roles.grant(client.roles.list(name="member")[0], user=user, project=project)
        auth = password_auth(
            keystone.target(),
            name,
            "Default",
            Secret("a-password"),
            {"project_name": name, "project_domain_name": "Default"},
        )
        weak = KeystoneFederation(make_session(auth, lab.ca_file, 30), keystone.target())
        with pytest.raises(KeystoneForbids, match="may not list"):
            weak.read("egi")
