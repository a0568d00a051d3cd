"""What every FederatedLogin does, on the twin in memory and on the lab's real Keystone behind Apache."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from exchange_world import P3, a_provider

from p3idp import wiring
from p3idp.adapters.memory.login import MemoryKeystoneLogin, MemoryPerson
from p3idp.core.exchange.naming import credential_name
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.secret import Secret
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable
from p3idp.lab.demo import apply_policy
from p3idp.ports.keystone import FederatedLogin, KeystoneToken, ReachableProject


@dataclass
class Site:
    """A Keystone where alice has ``member`` on p3, and bob nothing."""

    keystone: FederatedLogin
    provider: IdentityProvider
    token_of: Callable[[str], RawToken]
    unreachable: FederatedLogin

    def scoped(self) -> tuple[KeystoneToken, ReachableProject]:
        unscoped = self.keystone.login(self.provider, self.token_of("alice"))
        project = next(p for p in self.keystone.projects(unscoped) if p.ref.name == "p3")
        return unscoped, project


def memory_site() -> Site:
    keystone = MemoryKeystoneLogin(wiring.now)
    keystone.people["token-alice"] = MemoryPerson("alice", {P3: ("member",)})
    silent = MemoryKeystoneLogin(wiring.now)
    silent.down = True
    return Site(keystone, a_provider(), lambda name: RawToken(Secret(f"token-{name}")), silent)


@pytest.fixture(scope="module", params=["memory", "lab"])
def site(request: pytest.FixtureRequest) -> Site:
    if request.param == "memory":
        return memory_site()
    lab = request.getfixturevalue("lab")
    apply_policy(lab.layout)
    settings = lab.settings
    nowhere = settings.keystone.model_copy(update={"auth_url": "https://127.0.0.1:1/v3", "public_url": None})
    return Site(
        wiring.wire_federated_login(settings),
        wiring.wire_policy(settings).site.provider("egi"),
        lambda name: RawToken(Secret(lab.token(name))),
        wiring.wire_federated_login(settings.model_copy(update={"keystone_section": nowhere})),
    )


def test_a_login_lists_and_scopes(site: Site):
    unscoped, project = site.scoped()
    assert unscoped.project is None
    assert unscoped.expires_at > unscoped.issued_at
    scoped = site.keystone.scope_to(unscoped, project)
    assert (scoped.project, scoped.project_id) == (project.ref, project.id)
    assert "member" in scoped.roles
    assert scoped.user_id == unscoped.user_id


def test_scoping_never_moves_the_end(site: Site):
    unscoped, project = site.scoped()
    assert site.keystone.scope_to(unscoped, project).expires_at == unscoped.expires_at


def test_a_token_that_must_end_ends_then_and_goes_no_further(site: Site):
    unscoped, project = site.scoped()
    end = (datetime.now(UTC) + timedelta(seconds=90)).replace(microsecond=0)
    ended = site.keystone.scope_until(unscoped, project, end, credential_name(wiring.new_token()))
    assert ended.expires_at <= end < unscoped.expires_at
    assert ended.project == project.ref
    assert "member" in ended.roles
    with pytest.raises(FederatedLoginRefused):
        site.keystone.scope_to(ended, project)


def test_a_token_that_must_end_has_only_the_roles_asked_for(site: Site):
    unscoped, project = site.scoped()
    end = (datetime.now(UTC) + timedelta(seconds=90)).replace(microsecond=0)
    narrowed = dataclasses.replace(site.keystone.scope_to(unscoped, project), roles=("reader",))
    assert site.keystone.scope_until(narrowed, project, end, credential_name(wiring.new_token())).roles == ("reader",)
    with pytest.raises(FederatedLoginRefused):
        site.keystone.scope_until(
            dataclasses.replace(narrowed, roles=()), project, end, credential_name(wiring.new_token())
        )


def test_a_person_sees_their_own_credentials_and_until_when_their_memberships_hold(site: Site):
    unscoped, project = site.scoped()
    end, name = (datetime.now(UTC) + timedelta(seconds=90)).replace(microsecond=0), credential_name(wiring.new_token())
    site.keystone.scope_until(unscoped, project, end, name)
    (made,) = [each for each in site.keystone.credentials(unscoped) if each.name == name]
    assert (made.project_id, made.until, made.unrestricted) == (project.id, end, False)
    assert "member" in made.roles
    lapses_at = site.keystone.lapses_at(unscoped)
    assert lapses_at is not None
    assert abs(lapses_at - unscoped.issued_at - site.provider.authorization_ttl) < timedelta(seconds=30)
    made_up = dataclasses.replace(unscoped, value=Secret("gAAAAAmade-up"))
    for asked in (site.keystone.credentials, site.keystone.lapses_at):
        with pytest.raises(FederatedLoginRefused):
            asked(made_up)


def test_no_credential_is_made_with_an_end_in_the_past(site: Site):
    unscoped, project = site.scoped()
    past = datetime.now(UTC) - timedelta(seconds=30)
    with pytest.raises(FederatedLoginRefused):
        site.keystone.scope_until(unscoped, project, past, credential_name(wiring.new_token()))


def test_a_project_that_is_not_the_persons_is_refused(site: Site):
    unscoped, project = site.scoped()
    with pytest.raises(FederatedLoginRefused):
        site.keystone.scope_to(
            unscoped, dataclasses.replace(project, id="0" * 32, ref=dataclasses.replace(P3, name="x"))
        )


@pytest.mark.parametrize("token", ["not-a-token", "eyJhbGciOiJub25lIn0.e30."])
def test_an_unknown_token_is_refused(site: Site, token: str):
    with pytest.raises(FederatedLoginRefused):
        site.keystone.login(site.provider, RawToken(Secret(token)))


def test_a_made_up_keystone_token_lists_nothing(site: Site):
    unscoped, _ = site.scoped()
    with pytest.raises(FederatedLoginRefused):
        site.keystone.projects(dataclasses.replace(unscoped, value=Secret("gAAAAAmade-up")))


def test_a_silent_keystone_is_unreachable(site: Site):
    with pytest.raises(KeystoneUnreachable):
        site.unreachable.login(site.provider, RawToken(Secret("any")))
