"""Disabling and enabling a user, on the twin in memory and on the lab's real Keystone: the mark, logins, repeats."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from keystoneclient.v3.client import Client

from p3idp import wiring
from p3idp.adapters.keystone.session import make_session
from p3idp.adapters.memory.people import MemoryPeople
from p3idp.adapters.memory.removal import MemoryUsers
from p3idp.core.access.people.known import ShadowUser
from p3idp.core.login.tokens import RawToken
from p3idp.core.removal.mark import Cause, Mark
from p3idp.core.secret import Secret
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUserDisabled
from p3idp.lab.handle import LabHandle
from p3idp.lab.servers.keystone import WORKERS
from p3idp.ports.removal import UserSwitch

MARK = Mark("p3-example", Cause.LEFT, datetime(2026, 11, 22, 9, 30, 15, tzinfo=UTC))


@dataclass
class Place:
    """A user to switch, and what somebody else does: log in as them, list users, disable by hand."""

    switch: UserSwitch
    user: str
    log_in: Callable[[], object]
    listed: Callable[[], ShadowUser]
    by_hand: Callable[[bool], None]

    def found(self) -> tuple[bool, Mark | None]:
        read = self.switch.user(self.user, "egi")
        assert read is not None
        return read.enabled, read.disabled_by


def memory_place() -> Place:
    people = MemoryPeople([ShadowUser("1", "carol", "egi"), ShadowUser("2", "other", "egi")])
    users = MemoryUsers(people)

    def by_hand(enabled: bool) -> None:
        people.shadows[0] = replace(people.shadows[0], enabled=enabled)

    return Place(users, "1", lambda: None, lambda: people.shadows[0], by_hand)


def lab_place(site: LabHandle) -> Place:
    settings = site.settings
    removal = wiring.wire_removal(settings)
    door, provider = wiring.wire_federated_login(settings), wiring.wire_policy(settings).site.provider("egi")

    def log_in() -> str:
        return door.login(provider, RawToken(Secret(site.token("carol")))).user_id

    user = log_in()
    session = make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30)
    admin = Client(session=session, endpoint_override=settings.keystone.auth_url)

    def listed() -> ShadowUser:
        removal.reader.read("egi")
        return next(each for each in removal.people.users("egi", ["egi"]).users if each.id == user)

    return Place(
        removal.switch,
        user,
        log_in,
        listed,
        lambda on: admin.users.update(user, enabled=on),
    )


@pytest.fixture(params=["memory", "lab"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    made = memory_place() if request.param == "memory" else lab_place(request.getfixturevalue("site"))
    yield made
    made.switch.enable(made.user)


def test_a_disabled_user_carries_the_mark_also_through_a_login_and_in_lists(place):
    assert place.found() == (True, None)
    place.switch.disable(place.user, MARK)
    place.log_in()
    assert place.found() == (False, MARK)
    assert (place.listed().enabled, place.listed().disabled_by) == (False, MARK)
    place.switch.disable(place.user, MARK)
    assert place.found() == (False, MARK)


def test_an_enabled_user_carries_no_mark(place):
    place.switch.disable(place.user, MARK)
    place.switch.enable(place.user)
    place.switch.enable(place.user)
    assert place.found() == (True, None)
    assert place.listed().disabled_by is None


def test_who_enables_by_hand_leaves_the_mark_and_who_disables_by_hand_makes_none(place):
    place.by_hand(False)
    assert place.found() == (False, None)
    place.by_hand(True)
    place.switch.disable(place.user, MARK)
    place.by_hand(True)
    assert place.found() == (True, MARK)


def test_a_mark_can_be_taken_from_a_user_who_stays_disabled(place):
    place.switch.disable(place.user, MARK)
    place.switch.disown(place.user)
    place.log_in()
    assert place.found() == (False, None)


def test_a_user_that_is_not_there_is_none(place):
    assert place.switch.user("0" * 64, "egi") is None


def test_whoever_is_disabled_is_let_in_and_told_apart_from_whom_no_rule_fits(site: LabHandle):
    settings = site.settings
    door, provider = wiring.wire_federated_login(settings), wiring.wire_policy(settings).site.provider("egi")
    place = lab_place(site)
    place.switch.disable(place.user, MARK)
    try:
        unscoped = door.login(provider, RawToken(Secret(site.token("carol"))))
        with pytest.raises(KeystoneUserDisabled):  # each worker may go by its last request once more (ADR 13)
            [door.projects(unscoped) for _ in range(WORKERS + 1)]
    finally:
        place.switch.enable(place.user)
    with pytest.raises(FederatedLoginRefused) as caught:
        door.login(provider, RawToken(Secret(site.token("bob"))))
    assert not isinstance(caught.value, KeystoneUserDisabled)
