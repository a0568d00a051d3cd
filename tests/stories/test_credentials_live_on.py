"""An application credential of somebody federated lives while its owner is a member, and never dies unannounced.

On the real Keystone, with credentials made and used by keystoneauth. Keystone's clock is not moved: what its database
says of the last login is moved back, which is what time does to it.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from keystone_checks import KeystoneChecks
from keystoneauth1 import exceptions as ksa
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from keystoneclient.v3.client import Client
from typed import typed

from p3idp import wiring
from p3idp.adapters.keystone.session import make_session
from p3idp.core.exchange.naming import credential_name
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.lab.handle import LabHandle
from p3idp.lab.servers.checkin import SOURCE
from p3idp.lab.sign_in import SCOPES
from p3idp.ports.offline import OfflineAccess

PEOPLE = json.loads((SOURCE / "people.json").read_text(encoding="utf-8"))
SUBJECT = {person["login"]: person["voperson_id"] for person in PEOPLE}
TTL = timedelta(hours=8)  # the example policy's authorization_ttl
_numbers = count(1)
# Of the few people of a lab, those whom other stories let leave are many.
MEANT = ("--accept", "too-many-leavers")


@dataclass
class Made:
    """A credential somebody made, and the way to use it. ``user``: whose."""

    name: str
    user: str
    auth: dict[str, str]
    site: LabHandle

    def roles(self) -> list[str]:
        """The roles of a token made with it now; Keystone says 401 and nothing more where it does not work."""
        auth = v3.ApplicationCredential(self.site.urls.keystone_url, **self.auth)
        session = Session(auth=auth, verify=str(self.site.ca_file))
        return sorted(auth.get_access(session).role_names)

    def works(self) -> bool:
        try:
            return bool(self.roles())
        except ksa.Unauthorized:
            return False


@dataclass
class Place:
    """The lab in a test's hands."""

    site: LabHandle
    keystone: KeystoneChecks

    def type(self, *words: str, status: int = 0) -> str:
        """What a command said on standard output."""
        return typed(self.site.settings_path, *words, status=status)[0]

    def make(self, login: str) -> Made:
        """Sign in at Keystone with keystoneauth, as a person's script would, and make a credential on p3."""
        url, token = self.site.urls.keystone_url, self.site.token(login)
        project = {"project_name": "p3", "project_domain_name": "egi"}
        auth = v3.OidcAccessToken(url, identity_provider="egi", protocol="openid", access_token=token, **project)
        session = Session(auth=auth, verify=str(self.site.ca_file))
        user, name = session.get_user_id(), f"story-{next(_numbers)}"
        reply = session.post(
            f"{url}/users/{user}/application_credentials", json={"application_credential": {"name": name}}
        )
        made = reply.json()["application_credential"]
        pair = {"application_credential_id": made["id"], "application_credential_secret": made["secret"]}
        return Made(name, str(user), pair, self.site)

    def sign_in(self, login: str) -> None:
        assert self.keystone.federated_login(self.site.token(login)).status_code == 201

    def pass_time(self, made: Made, span: timedelta) -> None:
        """Let so much time pass since the owner's last login."""
        file = self.site.state_dir / "keystone" / "keystone.sqlite"
        with closing(sqlite3.connect(file, timeout=30)) as database, database:
            database.execute(
                "UPDATE expiring_user_group_membership SET last_verified ="
                " strftime('%Y-%m-%d %H:%M:%f', last_verified, ?) WHERE user_id = ?",
                (f"-{int(span.total_seconds())} seconds", made.user),
            )

    def listed(self, made: Made, *words: str, status: int = 0) -> dict[str, Any]:
        """What the list says of it."""
        told = json.loads(self.type("credentials", "list", "--json", "--owner", made.user, *words, status=status))
        return next((each for each in told["credentials"] if each["name"] == made.name), {})

    def consent(self, login: str) -> None:
        """What the button on the access page leaves: a refresh token, kept."""
        now, offline = wiring.now(), wiring.wire_offline(self.site.settings)
        tokens = self.site.tokens(login, client="p3idp", scopes=f"{SCOPES} offline_access")
        assert offline is not None
        token = Secret(tokens["refresh_token"])
        kept = OfflineAccess(ProviderId("egi"), self.site.urls.issuer, SUBJECT[login], token, now, now)
        offline.store.keep(kept)

    @contextmanager
    def reader_of_their_own(self, made: Made) -> Iterator[None]:
        """The owner has the role reader on p3 from somebody's hand, which does not lapse."""
        settings = self.site.settings
        session = make_session(wiring.keystone_account(settings), self.site.ca_file, 30)
        client = Client(session=session, endpoint_override=settings.keystone.auth_url)
        (domain,) = client.domains.list(name="egi")
        (project,) = client.projects.list(name="p3", domain=domain)
        (reader,) = client.roles.list(name="reader")
        client.roles.grant(reader, user=made.user, project=project)
        try:
            yield
        finally:
            client.roles.revoke(reader, user=made.user, project=project)


@pytest.fixture
def place(site: LabHandle, keystone: KeystoneChecks) -> Place:
    return Place(site, keystone)


def messages(directory: Path, made: Made) -> list[str]:
    """The messages that speak of it."""
    found = [each.read_text(encoding="utf-8") for each in directory.iterdir()] if directory.exists() else []
    return [text for text in found if made.name in text]


def test_the_lapse_is_announced_and_a_sign_in_revives(place: Place, tmp_path: Path) -> None:
    made = place.make("carol")
    assert made.roles() == ["member", "reader"]
    place.pass_time(made, TTL - timedelta(minutes=30))
    assert made.works()
    told = place.listed(made, "--lapsing", "0.1", "--detailed-exitcode", status=6)
    assert (told["state"], told["kept_by"]) == ("lapses", "sign-in")
    assert told["groups"] == ["vo.access.egi.eu:role=vm_operator"]
    place.type("credentials", "warn", "--to", str(tmp_path / "before"), "--lapsing", "0.1")
    (message,) = messages(tmp_path / "before", made)
    assert "stops working in 29 minutes" in message.replace("\n ", " ")

    place.pass_time(made, timedelta(minutes=30))
    with pytest.raises(ksa.Unauthorized):
        made.roles()
    told = place.listed(made)
    assert (told["state"], told["kept_by"], told["stops_at"]) == ("lapsed", "sign-in", None)
    place.type("credentials", "warn", "--to", str(tmp_path / "after"), "--lapsing", "0.1")
    (message,) = messages(tmp_path / "after", made)
    assert "Does not work" in message

    place.sign_in("carol")
    assert made.roles() == ["member", "reader"]
    assert place.listed(made)["state"] == "lapses"


def test_while_one_role_of_several_lapses_it_goes_on_with_the_rest(place: Place) -> None:
    made = place.make("carol")
    with place.reader_of_their_own(made):
        told = place.listed(made)
        assert (told["state"], told["stops_at"]) == ("lives", None)
        assert [each["roles"] for each in told["fewer"]] == [["member"]]
        place.pass_time(made, TTL)
        assert made.roles() == ["reader"]
        told = place.listed(made)
        assert (told["state"], told["missing_roles"]) == ("lives", ["member"])
    assert not made.works()


def test_with_consent_it_lives_on_while_its_owner_is_away_and_ends_when_they_leave(place: Place) -> None:
    made = place.make("zofia")
    place.consent("zofia")
    place.pass_time(made, TTL / 2 + timedelta(hours=1))
    assert place.listed(made, "--lapsing", "1", "--detailed-exitcode") == {}, "nothing for anybody to do"
    place.type("recheck", "--everyone", *MEANT)
    place.pass_time(made, TTL - timedelta(minutes=10))
    assert made.works(), "twelve hours after its owner was last there"
    assert place.listed(made)["kept_by"] == "recheck-overdue", "and no silence, had the next recheck not come"

    with closing(place.site.control()) as control:
        control.withdraw("zofia")
        try:
            place.type("recheck", "--everyone", *MEANT)
            assert not made.works()
            told = place.listed(made)
            assert (told["state"], told["kept_by"]) == ("owner-disabled", "membership")
        finally:
            control.restore("zofia")
    place.type("recheck", "--everyone", *MEANT)
    assert made.works()


def test_what_an_exchange_makes_is_not_listed(place: Place) -> None:
    made = place.make("heidi")
    settings = place.site.settings
    keystone, provider = wiring.wire_federated_login(settings), wiring.wire_policy(settings).site.provider("egi")
    unscoped = keystone.login(provider, RawToken(Secret(place.site.token("heidi"))))
    (project,) = (each for each in keystone.projects(unscoped) if each.ref.name == "p3")
    keystone.scope_until(unscoped, project, wiring.now() + timedelta(minutes=2), credential_name(wiring.new_token()))
    assert len(keystone.credentials(unscoped)) == 2
    told = json.loads(place.type("credentials", "list", "--json", "--owner", made.user))
    assert [each["name"] for each in told["credentials"]] == [made.name]
