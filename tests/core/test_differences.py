"""Policy and Keystone compared for one person."""

from datetime import UTC, datetime

import pytest

from p3idp.core.login.differences import Difference, differences
from p3idp.core.login.session import KeystoneView
from p3idp.core.policy.decision import ProjectAccess
from p3idp.core.policy.model import ProjectRef

P3, OTHER = ProjectRef("egi", "p3"), ProjectRef("egi", "other")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def given(*roles: str) -> tuple[ProjectAccess, ...]:
    return (ProjectAccess(P3, roles, None),)


@pytest.mark.parametrize(
    ("policy", "keystone", "expected"),
    [
        (given("member"), ((P3, ("member",)),), []),
        (given("member"), ((P3, ("member", "reader")),), []),
        (given("admin"), ((P3, ("admin", "manager", "member", "reader")),), []),
        (given("reader"), ((P3, ("member", "reader")),), [Difference(P3, (), ("member",))]),
        (given("member"), (), [Difference(P3, ("member",), ())]),
        ((), ((P3, ("member",)),), [Difference(P3, (), ("member",))]),
        (given("load-balancer_member"), ((P3, ("member",)),), [Difference(P3, ("load-balancer_member",), ("member",))]),
    ],
    ids=["same", "implied", "implied far", "beyond", "lacking", "not by policy", "both"],
)
def test_differences_are_named_by_project(policy, keystone, expected) -> None:  # type: ignore[no-untyped-def]
    assert list(differences(policy, KeystoneView(NOW, projects=keystone))) == expected


def test_what_was_not_seen_is_no_difference() -> None:
    assert differences(given("member"), KeystoneView(NOW, problem="keystone-unreachable")) == ()
    assert differences(given("member"), KeystoneView(NOW, unseen=(P3,))) == ()
