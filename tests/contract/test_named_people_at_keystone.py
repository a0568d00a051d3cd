"""Making people known to a real Keystone before they come: which user it is, and that it is nobody else's."""

from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
import requests
from keystone_checks import KeystoneChecks
from keystoneauth1 import exceptions as ksa

from p3idp import wiring
from p3idp.adapters.keystone.federation import KeystoneFederation
from p3idp.adapters.keystone.session import make_session
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.policy.model import NamedPerson, ProviderId
from p3idp.errors.keystone import KeystoneConflict

OWNER = "contract-named"
DOMAIN, PROVIDER = "named", "named-idp"
_numbers = count(1)


@pytest.fixture(scope="module")
def keystone(lab) -> KeystoneFederation:
    settings = lab.settings
    made = KeystoneFederation(
        make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30), settings.keystone.auth_url
    )
    made.read(DOMAIN)
    attributes = {"authorization_ttl": 60, "domain": DOMAIN, "enabled": True, "issuers": ["https://named.test"]}
    rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "OIDC-sub"}]}]
    for resource in (
        Resource(Kind.DOMAIN, (DOMAIN,), {}, OWNER),
        Resource(Kind.IDENTITY_PROVIDER, (PROVIDER,), attributes, OWNER),
        Resource(Kind.MAPPING, (f"p3idp-{PROVIDER}",), {"rules": rules, "schema_version": "2.0"}, OWNER),
        Resource(
            Kind.PROTOCOL, (PROVIDER, "openid"), {"mapping": f"p3idp-{PROVIDER}", "remote_id_attribute": None}, OWNER
        ),
    ):
        made.write(Change(None, resource))
    return made


class Named:
    """Somebody who is named, at a real Keystone."""

    def __init__(self, keystone: KeystoneFederation, subject: str) -> None:
        person = NamedPerson(subject, ProviderId(PROVIDER), ())
        self.keystone, self.subject, self.api = keystone, subject, keystone._adapter
        self.membership = Resource(Kind.MEMBERSHIP, (DOMAIN, person.group, PROVIDER, "openid", subject), {}, OWNER)
        keystone.write(Change(None, Resource(Kind.GROUP, (DOMAIN, person.group), {}, OWNER)))
        self.group = keystone._index.groups[DOMAIN, person.group]
        self.domain = keystone._index.domains[DOMAIN]

    def join(self) -> None:
        self.keystone.write(Change(None, self.membership))

    def member(self) -> dict[str, Any]:
        (row,) = self.api.get(f"/groups/{self.group}/users").json()["users"]
        user: dict[str, Any] = self.api.get(f"/users/{row['id']}").json()["user"]
        return user

    def users(self) -> list[str]:
        rows = self.api.get(f"/users?domain_id={self.domain}&name={quote(self.subject, safe='')}").json()["users"]
        return sorted({row["id"] for row in rows})  # Keystone lists them by their own name and by the shown one

    def make(self, *blocks: dict[str, Any], **more: str) -> str:
        user = {"name": self.subject, "domain_id": self.domain, **({"federated": list(blocks)} if blocks else {})}
        made: str = self.api.post("/users", json={"user": {**user, **more}}).json()["user"]["id"]
        return made


def block(subject: str) -> dict[str, Any]:
    return {"idp_id": PROVIDER, "protocols": [{"protocol_id": "openid", "unique_id": quote(subject)}]}


SUBJECTS = ("{n}@egi.eu", "50%25-{n}@x", "a/b c'd\"{n}", "{n}+x=y&z?#", "{{0}}{n}", "~{n}")


@pytest.mark.parametrize("form", SUBJECTS)
def test_a_user_is_made_as_keystone_would_know_them_at_a_login(keystone, form) -> None:
    named = Named(keystone, form.format(n=next(_numbers)))
    named.join()
    user = named.member()
    assert user["federated"] == [block(named.subject)]
    assert (user["name"], user["description"]) == (named.subject, f"p3idp:{OWNER}")
    named.join()
    assert named.users() == [user["id"]], "and not a second time"
    held = keystone.read(DOMAIN, frozenset({Kind.MEMBERSHIP})).of(Kind.MEMBERSHIP)
    assert held[named.membership.key].owner == OWNER


def test_whoever_came_before_is_taken_as_they_are(keystone) -> None:
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    there = named.make(block(named.subject))
    named.join()
    assert named.member()["id"] == there
    assert named.users() == [there]


def test_somebody_of_another_case_is_not_taken_for_them(keystone) -> None:
    number = next(_numbers)
    other = Named(keystone, f"PIA{number}@egi.eu")
    other.join()
    named = Named(keystone, f"pia{number}@egi.eu")
    named.join()
    assert named.member()["id"] != other.member()["id"]


def test_a_user_that_keystone_made_by_half_is_made_whole(keystone) -> None:
    """It makes the user first, and the block that names them after it, in two transactions."""
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    half = named.make(description=f"p3idp:{OWNER}")
    named.join()
    assert (named.member()["id"], named.member()["federated"]) == (half, [block(named.subject)])


def test_a_local_user_of_that_name_is_nobodys_to_take(keystone) -> None:
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    local = named.make()
    with pytest.raises(KeystoneConflict):
        named.join()
    assert named.api.get(f"/groups/{named.group}/users").json()["users"] == []
    assert "federated" not in named.api.get(f"/users/{local}").json()["user"]


def test_who_comes_between_the_look_and_the_making_is_found(keystone, monkeypatch) -> None:
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    finder = keystone._named
    real, late = finder._find, []

    def too_early(*who: str) -> str | None:
        found = real(*who)
        if not late:
            late.append(named.make(block(named.subject)))
        return found

    monkeypatch.setattr(finder, "_find", too_early)
    named.join()
    assert named.member()["id"] == late[0]


def test_somebody_put_into_the_group_by_hand_is_seen_and_taken_out(keystone) -> None:
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    named.join()
    stranger = Named(keystone, f"{next(_numbers)}@egi.eu").make()
    named.api.put(f"/groups/{named.group}/users/{stranger}")
    held = keystone.read(DOMAIN, frozenset({Kind.MEMBERSHIP})).of(Kind.MEMBERSHIP)
    (odd,) = [r for r in held.values() if r.key[:2] == named.membership.key[:2] and r.key != named.membership.key]
    assert odd.key[2:4] == ("", ""), "of no identity provider"
    keystone.write(Change(odd, None))
    assert named.member()["federated"] == [block(named.subject)]


def test_a_user_who_is_two_people_is_seen_as_both_and_not_put_into_a_group(keystone) -> None:
    """An administrator tied somebody else's identity to the same user: the rights of one would be the other's."""
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    other = f"x-{named.subject}"
    named.join()
    protocols = [*block(named.subject)["protocols"], *block(other)["protocols"]]
    both = {"federated": [{"idp_id": PROVIDER, "protocols": protocols}]}
    user = named.member()["id"]
    named.api.patch(f"/users/{user}", json={"user": both})
    keystone._index.people.clear()
    held = keystone.read(DOMAIN, frozenset({Kind.MEMBERSHIP})).of(Kind.MEMBERSHIP)
    assert {key[2:] for key in held if key[:2] == named.membership.key[:2]} == {
        (PROVIDER, "openid", named.subject),
        (PROVIDER, "openid", other),
    }
    named.api.delete(f"/groups/{named.group}/users/{user}")
    with pytest.raises(KeystoneConflict):
        named.join()
    assert named.api.get(f"/groups/{named.group}/users").json()["users"] == []


def test_a_user_whom_no_login_would_find_is_not_taken_for_who_is_named(keystone) -> None:
    """Keystone compares what it encoded itself: an administrator's ``a@b`` is nobody's."""
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    raw = {"idp_id": PROVIDER, "protocols": [{"protocol_id": "openid", "unique_id": named.subject}]}
    user = Named(keystone, f"raw-{named.subject}").make(raw)
    named.api.put(f"/groups/{named.group}/users/{user}")
    held = keystone.read(DOMAIN, frozenset({Kind.MEMBERSHIP})).of(Kind.MEMBERSHIP)
    assert named.membership.key not in held
    assert [key[2:4] for key in held if key[:2] == named.membership.key[:2]] == [("", "")]


def test_nobody_signs_in_with_a_password_as_a_user_made_ahead(keystone, lab) -> None:
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    named.join()
    checks = KeystoneChecks(lab)
    for password in ("", named.subject):
        user = {"name": named.subject, "domain": {"id": named.domain}, "password": password}
        asked = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        assert checks._http.post("/auth/tokens", json=asked).status_code in {400, 401}
    checks.close()


def test_a_reading_costs_a_call_for_each_group_and_one_for_each_member_met_first(keystone, monkeypatch) -> None:
    for _ in range(2):
        Named(keystone, f"{next(_numbers)}@egi.eu").join()
    keystone.read(DOMAIN)
    asked: list[str] = []
    send = requests.Session.send
    monkeypatch.setattr(requests.Session, "send", lambda s, r, **k: (asked.append(r.url), send(s, r, **k))[1])
    keystone.read(DOMAIN, frozenset({Kind.MEMBERSHIP}))
    groups = [key for key in keystone._index.groups if key[1].startswith("person:")]
    assert len(asked) == len(groups), "who a user is, is known already"


def test_a_group_that_is_gone_by_now_ends_no_reading(keystone) -> None:
    named = Named(keystone, f"{next(_numbers)}@egi.eu")
    named.join()
    with pytest.raises(ksa.NotFound):
        named.api.get("/groups/none/users")
    named.api.delete(f"/groups/{named.group}")
    assert named.membership.key not in keystone.read(DOMAIN, frozenset({Kind.MEMBERSHIP})).of(Kind.MEMBERSHIP)
