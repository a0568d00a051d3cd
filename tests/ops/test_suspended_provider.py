"""An identity provider that the policy suspends: nobody comes in by it at any door, and everybody is told."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from access_world import AccessWorld
from exchange_world import World
from policies import ACCESS, NOW, OPERATOR, PolicyFiles, person
from webkit import Door, get, text_of

from p3idp.adapters.policy_files.new_directory import NewDirectory
from p3idp.core.access.resources import Kind
from p3idp.core.login.callback import Callback
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Unusable
from p3idp.core.policy.examples import try_examples
from p3idp.core.policy.model import Policy, Suspension
from p3idp.errors.exchange import NoAccess
from p3idp.errors.policy import PolicyInvalid
from p3idp.errors.proposals import SecondPersonNeeded
from p3idp.errors.session import ProviderSuspended
from p3idp.ops.why import why_claims

STOPPED = Suspension(datetime(2026, 11, 1, tzinfo=UTC), "incident 4711")
WRITTEN = "    suspended: {since: 2026-11-01, reason: incident 4711}\n"
TOLD = "signing in through Check-in is suspended since 2026-11-01: incident 4711"
APPROVERS = "approvers: {identity_provider: egi, subjects: [alice@egi.eu, bob@egi.eu]}\n"
EXAMPLE = f"""\
examples:
  - title: an operator
    claims: {{entitlements: ["{OPERATOR}"]}}
    access: {{p3: [member]}}
"""


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    world = AccessWorld(PolicyFiles(tmp_path))
    world.apply()
    return world


def suspend(world: AccessWorld) -> None:
    world.files.change("site.yaml", "    scopes:", f"{WRITTEN}    scopes:")


def stopped(policy: Policy) -> Policy:
    providers = tuple(replace(each, suspended=STOPPED) for each in policy.site.identity_providers)
    return replace(policy, site=replace(policy.site, identity_providers=providers))


def test_it_is_read_and_written_back_the_same(world) -> None:
    suspend(world)
    policy = world.files.load()
    assert policy.site.identity_providers[0].suspended == STOPPED
    again = NewDirectory().load(NewDirectory().render(policy))
    assert again.site.identity_providers[0].suspended == STOPPED


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("suspended:", "holds nothing; say since when"),
        ("suspended: true", "must hold keys and values"),
        ("suspended: {reason: incident}", "`since` is missing"),
        ("suspended: {since: soon}", "soon"),
        ("suspnded: {since: 2026-11-01}", "did you mean `suspended`?"),
    ],
)
def test_a_mistake_in_it_says_what_was_meant(world, written: str, told: str) -> None:
    world.files.change("site.yaml", "    scopes:", f"    {written}\n    scopes:")
    with pytest.raises(PolicyInvalid) as refused:
        world.files.load()
    assert any(told in message for _, _, message in refused.value.places), refused.value.places


def test_everybody_of_it_is_refused_with_the_reason(world) -> None:
    suspend(world)
    policy = world.files.load()
    decision = decide(policy, person(OPERATOR), NOW)
    assert decision.refusal is not None
    assert (decision.access, decision.refusal.reason, decision.refusal.detail) == (
        (),
        Unusable.PROVIDER_SUSPENDED,
        TOLD,
    )
    told = why_claims(policy, {"sub": "a@egi.eu", "entitlements": [OPERATOR]}, None, NOW).sentence
    assert f"has no access here, because {TOLD}; please ask support@example.org." in told


def test_its_examples_go_on_to_say_what_holds_when_it_is_back(world) -> None:
    world.files.write("communities/vo.access.egi.eu.yaml", ACCESS + EXAMPLE)
    suspend(world)
    assert [tried.difference for tried in try_examples(world.files.load()) if not tried.holds] == []


def test_no_sign_in_begins_and_none_that_had_begun_ends() -> None:
    door = Door()
    attempt, url = door.desk.begin("egi", "/access")
    answer = door.provider.agree(url)
    door.policy = stopped(door.policy)
    with pytest.raises(
        ProviderSuspended, match=r"^Signing in through .* is suspended since 2026-11-01: incident 4711\.$"
    ):
        door.desk.begin("egi", "/access")
    with pytest.raises(ProviderSuspended):
        door.desk.finish("egi", attempt, Callback(answer["state"], answer["code"], issuer=answer["iss"]))
    assert not door.provider.token_calls
    assert not door.sessions.held


def test_the_front_page_says_so_and_offers_no_button() -> None:
    door = Door()
    door.policy = stopped(door.policy)
    page = get(door.browser(), "/").text
    assert "is suspended for now: incident 4711" in page
    assert "/login/" not in page


def test_whoever_is_signed_in_already_reads_why_they_have_nothing_and_whom_to_ask() -> None:
    door = Door()
    browser = door.browser()
    door.sign_in(browser)
    door.policy = stopped(door.policy)
    page = text_of(get(browser, "/access"))
    assert "is suspended since 2026-11-01: incident 4711" in page
    assert "support@example.org" in page


def test_none_of_its_tokens_is_exchanged_and_keystone_is_not_asked() -> None:
    world = World()
    world.policy = stopped(world.policy)
    with pytest.raises(NoAccess, match="is suspended since 2026-11-01: incident 4711"):
        world.ask()
    assert not world.keystone.calls


def test_the_plan_disables_it_and_keeps_rules_groups_and_grants(world) -> None:
    suspend(world)
    plan = world.plan()
    assert [(c.action, c.resource.kind, dict(c.different)) for c in plan.changes] == [
        ("update", Kind.IDENTITY_PROVIDER, {"enabled": (True, False)})
    ]
    (finding,) = plan.findings
    assert (finding.name, finding.message) == (
        "disables-provider",
        "egi is suspended by the policy: it would be disabled, and lets nobody in.",
    )
    world.apply("disables-provider")
    assert world.actions() == []
    assert not world.drift().any


def test_who_approves_decides_with_another_whether_their_own_provider_is_suspended(world) -> None:
    world.files.change("site.yaml", "domain: egi\n", f"domain: egi\n{APPROVERS}")
    world.apply("changes-approvers")
    suspend(world)
    (finding,) = [each for each in world.plan().findings if each.name == "changes-approvers"]
    assert finding.second_person
    assert "They go on approving." in finding.message
    with pytest.raises(SecondPersonNeeded):
        world.apply("changes-approvers", "disables-provider")


def test_a_rollback_opens_it_by_its_name_alone(world) -> None:
    world.files.change("communities/vo.access.egi.eu.yaml", "[member]", "[member, reader]")
    world.apply()
    suspend(world)
    world.apply("disables-provider")
    assert ("stopped-access", "egi") in [(f.name, f.subject) for f in world.plan_rollback(2).findings]
