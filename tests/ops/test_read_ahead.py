"""Keystone is read while the policy is: what that must not change."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event, current_thread, main_thread

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.policy_files import load_site
from p3idp.core.access.plan import Plan
from p3idp.core.access.resources import Kind, Snapshot
from p3idp.core.policy.model import Policy
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.errors.policy import PolicyInvalid
from p3idp.ports.request import request_id

GONE = ("egi", "vo.access.egi.eu:role=vm_operator")


@dataclass(slots=True)
class Watched(MemoryKeystone):
    """Tells when it is asked for its lists, of which domain, in whose request, and whether ahead."""

    asked: Event = field(default_factory=Event)
    domains: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    ahead: list[bool] = field(default_factory=list)
    problem: Exception | None = None

    def read(self, domain: str, kinds: frozenset[Kind] = frozenset(Kind)) -> Snapshot:
        self.domains.append(domain)
        self.requests.append(request_id.get())
        self.ahead.append(current_thread() is not main_thread())
        self.asked.set()
        if self.problem:
            raise self.problem
        return MemoryKeystone.read(self, domain, kinds)


@pytest.fixture
def keystone() -> Watched:
    return Watched()


@pytest.fixture
def world(tmp_path, keystone) -> AccessWorld:
    return AccessWorld(PolicyFiles(tmp_path), keystone)


def plan(world: AccessWorld, domain: Callable[[], str] | None = None, **changes: object) -> Plan:
    ops = replace(world.ops, domain=domain or (lambda: load_site(world.files.root).domain), **changes)  # type: ignore[arg-type]  # a test may say anything
    return ops.plan(world.now)


def test_keystone_is_asked_before_the_policy_has_been_read(world, keystone):
    def policy() -> Policy:
        assert keystone.asked.wait(10), "nobody asked Keystone meanwhile"
        return world.files.load()

    assert plan(world, policy=policy).changes
    assert (keystone.domains, keystone.ahead) == (["egi"], [True])


def test_the_plan_is_the_same(world):
    world.apply()
    del world.keystone.held[Kind.GROUP, GONE]
    assert plan(world).as_json() == world.plan().as_json()


def test_every_plan_reads_anew(world, keystone):
    ops = replace(world.ops, domain=lambda: "egi")
    world.apply()
    assert not ops.plan(world.now).changes
    del keystone.held[Kind.GROUP, GONE]
    assert [change.resource.key for change in ops.plan(world.now).changes if change.resource.kind is Kind.GROUP] == [
        GONE
    ]


def test_mistakes_in_the_policy_are_told_whatever_keystone_does(world, keystone):
    world.files.write("communities/vo.access.egi.eu.yaml", "nonsense: true\n")
    keystone.problem = KeystoneUnreachable("Keystone is away.")
    with pytest.raises(PolicyInvalid):
        plan(world)


def test_a_site_file_that_cannot_be_read_is_told_with_all_other_mistakes(world, keystone):
    world.files.write("site.yaml", "nonsense: true\n")
    world.files.write("communities/vo.access.egi.eu.yaml", "nonsense: true\n")
    with pytest.raises(PolicyInvalid) as refused:
        plan(world)
    assert {file for file, *_ in refused.value.places} == {"site.yaml", "communities/vo.access.egi.eu.yaml"}
    assert keystone.domains == []


def test_what_keystone_refuses_ends_the_plan(world, keystone):
    keystone.problem = KeystoneUnreachable("Keystone is away.")
    with pytest.raises(KeystoneUnreachable):
        plan(world)


def test_a_domain_that_changed_meanwhile_is_read_again(world, keystone):
    world.apply()
    keystone.domains.clear()
    assert not plan(world, domain=lambda: "another").changes
    assert keystone.domains == ["another", "egi"]


def test_what_is_asked_ahead_belongs_to_the_same_request(world, keystone):
    token = request_id.set("req-1")
    try:
        plan(world)
    finally:
        request_id.reset(token)
    assert keystone.requests == ["req-1"]
