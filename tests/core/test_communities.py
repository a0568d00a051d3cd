"""A community: its name, its state, its standing in EGI's real catalogue, and what a suspension does to people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from policies import NOW, OPERATOR, PolicyFiles, person

from p3idp.adapters.policy_files.vo_catalogue import read_catalogue
from p3idp.core.access.desired import desired_state
from p3idp.core.access.resources import Kind
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.policy.community_draft import Wish, drafted
from p3idp.core.policy.community_name import file_name
from p3idp.core.policy.community_view import State, state
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Reason
from p3idp.core.policy.examples import failed_examples
from p3idp.core.policy.explanation import explain
from p3idp.core.policy.model import Community, Policy, Project, ProjectRef, Suspension, Validity
from p3idp.core.policy.sentence import sentence
from p3idp.core.policy.vo_catalogue import Standing, standing, vo_name
from p3idp.core.policy.written_elsewhere import caso_lines, catalogue_lines
from p3idp.errors.community import CommunityNameBad, EntitlementBad

CATALOGUE = read_catalogue(Path(__file__).parents[1] / "data/egi-vo-mappings.yaml")
STOPPED = Suspension(datetime(2026, 11, 20, 8, tzinfo=UTC), "incident 4711")


@pytest.fixture
def policy(tmp_path) -> Policy:
    return PolicyFiles(tmp_path).load()


def suspended(policy: Policy, name: str = "vo.access.egi.eu") -> Policy:
    return replace(
        policy,
        communities=tuple(replace(c, suspended=STOPPED) if c.name == name else c for c in policy.communities),
    )


class TestSuspension:
    def test_its_people_get_nothing_and_learn_since_when_why_and_whom_to_ask(self, policy):
        assert decide(policy, person(OPERATOR), NOW).access
        stopped = suspended(policy)
        decision = decide(stopped, person(OPERATOR), NOW)
        assert decision.access == ()
        (reason,) = [each.detail for each in decision.refused if each.reason is Reason.SUSPENDED]
        assert reason == "the community vo.access.egi.eu is suspended since 2026-11-20: incident 4711"
        told = sentence(person(OPERATOR), explain(stopped, decision, (OPERATOR,)), policy.site, NOW)
        assert reason in told
        assert "please ask vo@example.org" in told

    def test_others_learn_nothing_of_it(self, policy):
        decision = decide(suspended(policy), person("urn:mace:egi.eu:group:other:role=member"), NOW)
        assert {each.reason for each in decision.refused} == {Reason.ENTITLEMENT}

    def test_grants_go_and_groups_and_mapping_stay(self, policy):
        """At login nobody's groups change, so that Keystone ends none of their other tokens."""
        stopped, provider = suspended(policy), policy.site.identity_providers[0]
        before, after = (set(desired_state(each, NOW).resources) for each in (policy, stopped))
        assert {each.kind for each in before - after} == {Kind.ROLE_ASSIGNMENT}
        assert after - before == set()
        assert compile_mapping(stopped, provider, NOW) == compile_mapping(policy, provider, NOW)

    def test_a_group_of_two_communities_keeps_what_the_other_one_gives(self, policy):
        first = policy.communities[1]
        (rule,) = first.rules
        shared = replace(first, name="second", rules=(replace(rule, grants=((ProjectRef("egi", "b"), ("member",)),)),))
        both = suspended(replace(policy, communities=(first, shared)))
        grants = [each.key[2:] for each in desired_state(both, NOW).resources if each.kind is Kind.ROLE_ASSIGNMENT]
        assert grants == [("member", "project", "egi", "b")]

    def test_examples_say_what_holds_once_it_is_back(self, tmp_path):
        files = PolicyFiles(tmp_path)
        example = f"- {{title: x, at: 2026-06-01, claims: {{entitlements: '{OPERATOR}'}}, access: {{p3: [member]}}}}\n"
        files.change("communities/vo.access.egi.eu.yaml", "title:", f"examples:\n{example}title:")
        assert list(failed_examples(suspended(files.load()))) == []


@pytest.mark.parametrize(
    ("validity", "stopped", "expected"),
    [
        (Validity(), None, State.OPEN),
        (Validity(), STOPPED, State.SUSPENDED),
        (Validity(until=NOW), None, State.ENDED),
        (Validity(until=NOW), STOPPED, State.ENDED),
        (Validity(start=NOW + timedelta(1)), None, State.NOT_YET),
        (Validity(start=NOW + timedelta(1)), STOPPED, State.SUSPENDED),
    ],
    ids=["open", "suspended", "ended", "ended while suspended", "not begun", "suspended before it begins"],
)
def test_the_state_of_a_community(policy, validity, stopped, expected):
    assert state(replace(policy.communities[0], validity=validity, suspended=stopped), NOW) is expected


@pytest.mark.parametrize(
    ("vo", "name"),
    [
        ("vo.access.egi.eu", "vo.access.egi.eu"),
        ("EOServices-vo.indra.es", "EOServices-vo.indra.es"),
        ("/biomed/vip", "biomed.vip"),
        ("biomed.vip", "biomed.vip"),
    ],
)
def test_a_name_becomes_the_name_of_a_file(vo, name):
    assert file_name(vo) == name


def test_every_name_in_the_real_catalogue_can_be_a_file_of_its_own():
    assert len({file_name(vo).casefold() for vo in CATALOGUE.entries}) == len(CATALOGUE.entries) == 67


@pytest.mark.parametrize(
    "vo",
    [
        *("", "/", ".", "..", "../x", "a/../b", "/etc/passwd/", "a//b", "a/./b", ".hidden", "-x", "a.", "a/.b", "a b"),
        *("a\0b", "a\nb", "a;b", "a\\b", "é", "x" * 129, "\N{RIGHT-TO-LEFT OVERRIDE}a", "a\x1b[31m", "~", "$HOME"),
    ],
)
def test_what_could_lead_elsewhere_is_no_name(vo):
    with pytest.raises(CommunityNameBad) as refused:
        file_name(vo)
    assert refused.value.detail.isprintable()


class TestTheRealCatalogue:
    def test_one_entry_is_malformed_and_its_fix_is_known(self):
        ((vo, entry),) = [(vo, entry) for vo, entry in CATALOGUE.entries.items() if entry.entitlement is None]
        assert (vo, entry.place[1]) == ("vo.imagine-ai.eu", 50)
        assert entry.fix == "urn:mace:egi.eu:group:vo.imagine-ai.eu:role=vm_operator#aai.egi.eu"

    def test_every_good_entry_makes_a_policy_whose_examples_hold(self, policy):
        for vo, entry in CATALOGUE.entries.items():
            if entry.entitlement is not None:
                made = drafted(Wish(vo), file_name(vo), policy.site, CATALOGUE)
                alone = replace(policy, communities=(made,))
                assert list(failed_examples(alone)) == [], vo
                assert (vo_name(made), standing(made, CATALOGUE)) == (vo, Standing.SAME)
                assert [bool(example.access) for example in made.examples] == [True, False]

    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            (Wish("vo.imagine-ai.eu"), "egi-vo-mappings.yaml:50: .* did you mean urn:mace:egi.eu:group:vo.imagine-ai"),
            (Wish("vo.acess.egi.eu"), "does not list vo.acess.egi.eu. Did you mean vo.access.egi.eu"),
            (Wish("x", "urn:mace:egi.eu:vo.x:role=member"), "is not a group entitlement"),
            (Wish("x", "urn:mace:egi.eu:group:x:role:member"), "did you mean urn:mace:egi.eu:group:x:role=member"),
            (Wish("x", "a\nb\0"), r"`a\\nb\\x00`"),
        ],
        ids=["malformed there", "misspelt", "no group", "a colon for an equals sign", "no text"],
    )
    def test_a_bad_one_is_refused_with_what_was_meant(self, policy, wish, words):
        with pytest.raises(EntitlementBad, match=words) as refused:
            drafted(wish, "x", policy.site, None if wish.entitlement else CATALOGUE)
        assert "--entitlement" in refused.value.hint

    def test_nobody_says_what_opens_it(self, policy):
        with pytest.raises(EntitlementBad, match="Nothing says which entitlement opens x"):
            drafted(Wish("x"), "x", policy.site, None)


def made(policy: Policy, vo: str, **more: object) -> Community:
    return replace(drafted(Wish(vo), "x", policy.site, CATALOGUE), **more)  # type: ignore[arg-type]  # anything goes


@pytest.mark.parametrize(
    ("of", "named", "expected"),
    [
        ("biomed", "/biomed/vip", Standing.SAME),
        ("biomed", "vo.access.egi.eu", Standing.DIFFERENT),
        ("biomed", "vo.imagine-ai.eu", Standing.MALFORMED),
        ("biomed", "biomed.example.org", Standing.UNLISTED),
    ],
)
def test_how_a_community_stands_to_the_catalogue(policy, of, named, expected):
    community = made(policy, of)
    (project,) = community.projects
    renamed = replace(community, projects=(replace(project, properties=(("egi.VO", named),)),))
    assert standing(renamed, CATALOGUE) is expected


def test_a_role_left_out_is_not_the_same_as_the_published_one(policy):
    community = made(policy, "biomed")
    (rule,) = community.rules
    wider = replace(community, rules=(replace(rule, entitlement=replace(rule.entitlement, role=None)),))
    assert standing(wider, CATALOGUE) is Standing.DIFFERENT


class TestWhatIsWrittenElsewhere:
    def test_with_ids_from_keystone(self, policy):
        community = made(policy, "/biomed/vip")
        ids = {community.projects[0].ref: "0123abcd"}
        assert list(caso_lines(community, ids))[1:] == [
            "[DEFAULT]",
            "vo_property = egi.VO",
            "# Add to what the list holds already:",
            "projects = 0123abcd",
        ]
        assert list(catalogue_lines(community, ids, CATALOGUE))[1:] == [
            "  - name: /biomed/vip",
            "    auth:",
            "      project_id: 0123abcd",
        ]

    def test_what_is_not_known_is_said_and_never_made_up(self, policy):
        community = made(policy, "biomed")
        caso, entry = "\n".join(caso_lines(community, {})), "\n".join(catalogue_lines(community, {}))
        assert "\nprojects =" not in caso
        assert 'project_id: ""  # x@egi: not known here; ask Keystone with --keystone' in entry
        assert "its id is not known here; ask Keystone with --keystone, once `p3idp apply` has made it" in caso

    def test_a_project_of_the_site_gets_its_property_by_the_openstack_command(self, policy):
        project = Project(ProjectRef("egi", "p3"), existing=True)
        caso = list(caso_lines(made(policy, "biomed", name="a.b", projects=(project,)), {project.ref: "77"}))
        assert "# p3@egi does not say its VO yet: openstack project set --property egi.VO=a.b 77" in caso

    def test_an_unlisted_community_gets_its_line_for_the_catalogue_too(self, policy):
        community = made(policy, "biomed", name="new.vo", projects=(Project(ProjectRef("egi", "p")),))
        lines = list(catalogue_lines(community, {}, CATALOGUE))
        assert lines[-2:] == [
            "# vo-mappings.yaml, where this community is unlisted; below `vos:`.",
            '  new.vo: "urn:mace:egi.eu:group:biomed:role=vm_operator"',
        ]
