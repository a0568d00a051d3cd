"""Many people at once on one worker, some of them failing: nobody gets what is another's (CVE-2014-0105)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from exchange_world import OPERATORS, P3, P4, World

from p3idp.core.policy.model import AccessRule, Project, ProjectRef
from p3idp.errors import P3idpError
from p3idp.ports.request import request_id

PEOPLE = [f"person{number}" for number in range(10)]


@pytest.fixture
def world() -> World:
    made = World()
    for name in PEOPLE:
        made.arrive(name, {P3: ("member",), P4: ("member",)})
    return made


@pytest.mark.attack("X30", "X31")
@pytest.mark.parametrize("hours", [1, 0], ids=["by credentials that end", "by plain tokens"])
def test_fifty_exchanges_at_once_mix_nobody_up(world: World, hours: int) -> None:
    world.keystone.token_life *= hours or 0.1
    asked = [(name, project) for _ in range(5) for name in PEOPLE for project in ("p3", "p4", "p3", "ended", "p5")]

    def ask(one: tuple[str, str]) -> tuple[str, str, str]:
        name, project = one
        request_id.set(f"req-of-{name}")
        token = f"token-{name}" if project != "p5" else f"forged-{name}"
        try:
            got = world.ask(token, scope=f"project:{project}@egi")
        except P3idpError as refused:
            return name, "", refused.code
        owner = world.keystone._issued[got.value.reveal()][0].name
        return owner, got.project.name, ""

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, asked))
    codes = {"ended": "exchange-invalid-target", "p5": "exchange-subject-token-refused"}
    for (name, project), (owner, got, code) in zip(asked, answers, strict=True):
        assert (owner, got, code) == (name, "" if project in codes else project, codes.get(project, ""))
    for event in world.ledger.events:
        assert event.request_id == "req-of-" + event.actor.id.partition("@")[0]


@pytest.mark.attack("X30")
def test_five_hundred_exchanges_of_one_token_each_get_the_project_they_asked_for() -> None:
    refs = [ProjectRef("egi", f"own{number}") for number in range(50)]
    world = World()
    (community,) = world.policy.communities
    rule = AccessRule(OPERATORS, tuple((ref, ("member",)) for ref in refs))
    own = replace(community, projects=tuple(map(Project, refs)), rules=(rule,))
    world.policy = replace(world.policy, communities=(own,))
    world.arrive("alice", {ref: ("member",) for ref in refs})
    barrier = Barrier(100)

    def ask(number: int) -> tuple[str, str]:
        if number < 100:
            barrier.wait(20)
        got = world.ask(scope=f"project:own{number % 50}@egi")
        return got.project.name, world.keystone._issued[got.value.reveal()][0].name

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(ask, range(500)))
    assert answers == [(f"own{number % 50}", "alice") for number in range(500)]
    assert len({event.target for event in world.ledger.events}) == 50
