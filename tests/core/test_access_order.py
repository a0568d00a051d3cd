"""Whatever a policy changes at once: at no moment of its apply does anybody have what neither side of it gives."""

import random
from dataclasses import replace

import half_way
import pytest
from half_way import NOW, access, applied, beyond

from p3idp.core.access import order
from p3idp.core.access.desired import desired_state
from p3idp.core.access.plan import Change, Plan, diff
from p3idp.core.access.resources import Kind, Resource, Snapshot

SEEDS = range(40)


def moves(seed: int) -> tuple[random.Random, Snapshot, tuple[Change, ...]]:
    """A Keystone where some policy was applied, and sometimes changed by hand; and the changes to another policy."""
    rng = random.Random(seed)
    there = half_way.empty()
    if rng.random() < 0.9:
        there = applied(diff(desired_state(half_way.drawn(rng), NOW), there), there)
        if rng.random() < 0.3:
            key = ("egi", "shared", "member", "project", "egi", "p2")
            by_hand = [Resource(Kind.GROUP, key[:2], {}, "p"), Resource(Kind.ROLE_ASSIGNMENT, key, {}, "p")]
            places = {(r.kind, r.key) for r in there.resources}
            there = half_way.put(there, *(r for r in by_hand if (r.kind, r.key) not in places))
    return rng, there, diff(desired_state(half_way.drawn(rng), NOW), there)


def steps(rng: random.Random, changes: tuple[Change, ...]) -> list[Change]:
    """In the order of work; within a batch in any."""
    batches = [list(batch) for batch in Plan("p", "t", changes).batches()]
    for batch in batches:
        rng.shuffle(batch)
    return [change for batch in batches for change in batch]


def too_much(seed: int) -> list[object]:
    rng, there, changes = moves(seed)
    found = []
    for _ in range(3):
        old, new = access(there), access(applied(changes, there))
        walked = steps(rng, changes)
        for number in range(len(walked) + 1):
            now = access(applied(walked[:number], there))
            found += [(seed, number, walked[number - 1], *more) for more in beyond(now, old, new)]
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_has_more_at_any_moment_than_before_or_after(seed):
    _, there, changes = moves(seed)
    assert order.exposed(changes, there) or not too_much(seed)


def test_almost_every_change_has_an_order_that_helps():
    helpless = [seed for seed in range(200) if order.exposed(*reversed(moves(seed)[1:]))]
    assert len(helpless) <= 4


def swap(verbatim_of: dict[str, str]) -> tuple[tuple[Change, ...], Snapshot]:
    """One identity provider that takes another issuer instead, and a rule of somebody else's for its people."""
    sides = []
    for issuer in half_way.ISSUERS["egi"]:
        rng = random.Random(1)
        policy = half_way.drawn(rng)
        provider = replace(policy.site.identity_providers[0], issuers=(issuer,), suspended=None)
        rule = half_way.verbatim(provider, "other", verbatim_of[issuer])
        site = replace(policy.site, identity_providers=(provider,))
        sides.append(desired_state(replace(policy, site=site, verbatim=(rule,)), NOW))
    old = applied(diff(sides[0], half_way.empty()), half_way.empty())
    return diff(sides[1], old), old


def test_where_no_order_helps_a_plan_says_so():
    one, other = half_way.ISSUERS["egi"]
    assert order.exposed(*swap({one: "p3idp", other: "p3idp"})) == ()
    assert order.exposed(*swap({one: "p3idp", other: "cli"})) == ("egi",)


def test_the_proof_turns_red_where_roles_always_come_before_rules_and_go_after_them(monkeypatch):
    """As they did: a group that other people come into, with other roles, gave old members new roles."""
    monkeypatch.setattr(order._Moves, "_all", staticmethod(lambda *_: True))
    assert any(too_much(seed) for seed in SEEDS)


G = ("egi", "g")


def role(project: str) -> Resource:
    return Resource(Kind.ROLE_ASSIGNMENT, (*G, "member", "project", "egi", project), {}, "p")


def member(subject: str) -> Resource:
    return Resource(Kind.MEMBERSHIP, (*G, "egi", "openid", subject), {}, "p")


def test_who_comes_into_a_group_by_name_never_has_what_it_gave_before_nor_who_goes_what_it_gives_then():
    before = Snapshot((Resource(Kind.GROUP, G, {}, "p"), member("alice"), role("p1")), {})
    changes = [Change(None, role("p2")), Change(role("p1"), None)]
    changes += [Change(None, member("bob")), Change(member("alice"), None)]
    walked = order.in_order(changes, before)
    for number in range(len(walked) + 1):
        there = applied(walked[:number], before)
        people = {key[4] for key in there.of(Kind.MEMBERSHIP)}
        projects = {key[5] for key in there.of(Kind.ROLE_ASSIGNMENT)}
        assert not ("alice" in people and "p2" in projects), number
        assert not ("bob" in people and "p1" in projects), number


def behind(provider: str, *remote: dict[str, object]) -> tuple[Resource, ...]:
    """A provider that takes every issuer, with one rule that leads to the group, or with none."""
    local = [{"group": {"name": G[1], "domain": {"name": G[0]}}}]
    rules = [{"local": local, "remote": list(remote)}] if remote else []
    return (
        Resource(Kind.IDENTITY_PROVIDER, (provider,), {"enabled": True, "issuers": []}, "p"),
        Resource(Kind.PROTOCOL, (provider, "openid"), {"mapping": provider, "remote_id_attribute": ""}, "p"),
        Resource(Kind.MAPPING, (provider,), {"rules": rules, "schema_version": "2.0"}, "p"),
    )


CLI = {"type": "OIDC-azp", "any_one_of": ["cli"]}
ANYTHING = {"type": "OIDC-azp", "any_one_of": [".*"], "regex": True}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param((*behind("egi", CLI), *behind("hub")), (*behind("egi"), *behind("hub", CLI)), id="provider"),
        pytest.param(behind("egi", ANYTHING), behind("egi", {**ANYTHING, "regex": False}), id="pattern"),
        pytest.param(behind("egi", {"type": "OIDC-sub"}), behind("egi", CLI), id="any"),
    ],
)
def test_where_others_come_in_new_roles_come_after_the_rules(old, new):
    before = Snapshot((Resource(Kind.GROUP, G, {}, "p"), role("p1"), *old), {})
    rules = [Change(one, other) for one, other in zip(old, new, strict=True) if one != other]
    walked = order.in_order([*rules, Change(role("p1"), None), Change(None, role("p2"))], before)
    kinds = [change.resource.kind for change in walked]
    assert walked[-1].after == role("p2"), kinds
    assert Kind.MAPPING in kinds[1:-1]
