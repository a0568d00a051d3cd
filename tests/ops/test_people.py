"""What a plan says of people: by claims, by groups, by rule; with how many it knows of, and when it warns."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

import click
import pytest
from access_world import AccessWorld
from policies import ISSUER, NOW, OPERATOR, SUBSTANTIAL, TRAINEE, PolicyFiles, person
from policies import TRAINING as TEXT

from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.adapters.memory.people import MemoryPeople
from p3idp.adapters.regex_worker import RegexWorker
from p3idp.cli.access_text import plan_lines
from p3idp.core.access.people.cloud import Cloud, Right
from p3idp.core.access.people.findings import Bounds, at_least
from p3idp.core.access.people.known import ShadowUser, user_id
from p3idp.core.access.people.part import Fate, People, Person, Seen
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind
from p3idp.core.login.remembered import remembered
from p3idp.errors.access import FindingsUnaccepted, LedgerUnavailable
from p3idp.errors.keystone import KeystoneForbids
from p3idp.errors.settings import SecretUnavailable, SettingsInvalid
from p3idp.ops import people as people_ops
from p3idp.ops.people import PeopleView
from p3idp.ports.logins import LoginReader

ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
GROUP = ("egi", "vo.access.egi.eu:role=vm_operator")
COURSE_GROUP = ("egi", "training.egi.eu:role=vm_operator")
MORE = """\
    projects: {p3: [member]}
  - entitlement: urn:mace:egi.eu:group:vo.access.egi.eu
    projects: {p3: [reader]}
"""
P3 = [Right("project", "egi", "p3", role) for role in ("member", "reader")]
TRAINING = [Right("project", "egi", "training", role) for role in ("member", "reader")]


@dataclass
class Town:
    """A site with people: remembered ones, and those that its Keystone knows."""

    world: AccessWorld
    logins: MemoryLogins = field(default_factory=MemoryLogins)
    keystone: MemoryPeople = field(default_factory=MemoryPeople)
    remembers: bool = True

    def __post_init__(self) -> None:
        self.bound()

    def bound(self, **bounds: int) -> None:
        view = PeopleView(self.reader, self.keystone, RegexWorker(), Bounds(**bounds))
        self.world.people = view

    def reader(self) -> LoginReader | None:
        return self.logins if self.remembers else None

    def login(self, subject: str, *entitlements: str, **more: object) -> None:
        self.logins.remember(remembered(person(*entitlements, subject=subject, **more), NOW))

    def user(self, subject: str, *groups: tuple[str, str], **more: object) -> None:
        made = ShadowUser(user_id("domain", subject), f"shown {subject}", "egi")
        self.keystone.shadows.append(replace(made, **more))  # type: ignore[arg-type]  # a test may say anything
        self.keystone.groups[made.id] = frozenset(groups)

    @property
    def people(self) -> People:
        found = self.world.plan().people
        assert found is not None
        return found

    def by_name(self) -> dict[str, Person]:
        return {each.subject: each for each in self.people.people}

    def fates(self) -> dict[str, Fate | None]:
        return {each.subject: each.fate for each in self.people.people}

    def text(self) -> str:
        return click.unstyle("\n".join(plan_lines(self.world.plan())))


@pytest.fixture
def town(tmp_path) -> Town:
    """alice operates machines, bob learns, carol does both, dave nothing; all are remembered."""
    town = Town(AccessWorld(PolicyFiles(tmp_path)))
    town.login("alice", OPERATOR)
    town.login("bob", TRAINEE, assurance=(SUBSTANTIAL,))
    town.login("carol", OPERATOR, TRAINEE, assurance=(SUBSTANTIAL,))
    town.login("dave", "urn:mace:egi.eu:group:elsewhere:role=member#aai.egi.eu")
    return town


@pytest.fixture
def settled(town) -> Town:
    """The same with the policy in force."""
    town.world.apply()
    return town


def test_a_first_plan_says_who_gains_what(town):
    assert town.fates() == {"alice": Fate.GAINS, "bob": Fate.GAINS, "carol": Fate.GAINS}
    assert list(town.by_name()["alice"].gained) == P3
    assert list(town.by_name()["carol"].gained) == P3 + TRAINING


def test_where_nothing_changes_nobody_is_looked_at(settled):
    assert settled.world.plan().people is None
    assert settled.keystone.asked == []


def test_a_community_that_goes_names_who_loses_and_whether_anything_is_left(settled):
    settled.world.files.remove("training.egi.eu")
    assert settled.fates() == {"bob": Fate.LOSES_EVERYTHING, "carol": Fate.LOSES}
    assert list(settled.by_name()["bob"].lost) == TRAINING
    assert [(rule.groups, rule.lost, rule.people) for rule in settled.people.rules] == [
        ((COURSE_GROUP[1],), tuple(TRAINING), 2)
    ]


def test_a_suspended_community_takes_roles_and_leaves_groups(settled):
    suspended = "title: Courses\nsuspended: {since: 2026-11-01}"
    settled.world.files.change("communities/training.egi.eu.yaml", "title: Courses", suspended)
    assert settled.fates() == {"bob": Fate.LOSES_EVERYTHING, "carol": Fate.LOSES}
    assert settled.people.regrouped == 0, "nobody's other tokens end"
    assert [(rule.groups, rule.lost) for rule in settled.people.rules] == [((COURSE_GROUP[1],), tuple(TRAINING))]


def test_a_suspended_provider_takes_everything_from_everybody_of_it(settled):
    settled.user("erik", GROUP)
    settled.world.files.change("site.yaml", "    scopes:", "    suspended: {since: 2026-11-01}\n    scopes:")
    lost = {"alice", "bob", "carol", "shown erik"}
    assert settled.fates() == dict.fromkeys(lost, Fate.LOSES_EVERYTHING)


PIA = """\
people:
  - {subject: pia@egi.eu, identity_provider: egi, projects: {p3: [member]}}
"""


def name_pia(town: Town) -> None:
    text = (town.world.files.root / ACCESS_FILE).read_text(encoding="utf-8")
    town.world.files.write(ACCESS_FILE, text + PIA)


def test_who_is_named_gains_before_they_ever_came_and_loses_the_same(settled):
    name_pia(settled)
    assert settled.fates() == {"pia@egi.eu": Fate.GAINS}
    found = settled.by_name()["pia@egi.eu"]
    assert (found.seen, found.known, list(found.gained), found.regrouped) == (Seen.NAME, False, P3, False)
    assert "+ gains: pia@egi.eu of egi" in settled.text()
    assert "named by the policy; they have not come so far" in settled.text()
    settled.world.apply()
    settled.world.files.change(ACCESS_FILE, PIA, "")
    assert settled.fates() == {"pia@egi.eu": Fate.LOSES_EVERYTHING}


def test_who_is_named_and_came_is_told_once_by_their_claims(settled):
    settled.login("pia@egi.eu", TRAINEE, assurance=(SUBSTANTIAL,))
    settled.user("pia@egi.eu")
    name_pia(settled)
    assert settled.fates() == {"pia@egi.eu": Fate.GAINS}
    assert settled.by_name()["pia@egi.eu"].seen is Seen.CLAIMS
    assert settled.people.regrouped == 0, "a lasting membership that comes ends no token"
    settled.world.apply()
    settled.world.files.change(ACCESS_FILE, PIA, "")
    assert settled.fates() == {"pia@egi.eu": Fate.LOSES}
    assert settled.people.regrouped == 1, "one that goes ends all of them"


def test_who_is_named_and_known_to_keystone_alone_is_judged_by_their_groups(settled):
    settled.keystone.shadows.append(ShadowUser("1f", "pia@egi.eu", "egi"))
    name_pia(settled)
    assert settled.fates() == {"pia@egi.eu": Fate.GAINS}
    settled.world.apply()
    settled.keystone.groups["1f"] = frozenset(key[:2] for key in settled.world.holds(Kind.MEMBERSHIP))
    settled.world.files.change(ACCESS_FILE, PIA, "")
    assert settled.fates() == {"pia@egi.eu": Fate.LOSES_EVERYTHING}


def test_the_same_subject_at_another_provider_gains_nothing(settled):
    hub = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h, audiences: [a]}\n"
    settled.world.files.change("site.yaml", "  egi:\n", f"{hub}  egi:\n")
    settled.login("pia@egi.eu", provider="hub", issuer="https://hub.test")
    name_pia(settled)
    assert {(each.provider, each.fate) for each in settled.people.people} == {("egi", Fate.GAINS)}


def test_tokens_end_for_those_whom_a_login_puts_into_a_group_or_takes_out_of_one(settled):
    """As Keystone does it: not by a group that is deleted, and not for those who have no user there yet."""
    for name in ("alice", "carol"):
        settled.user(name)
    settled.world.files.change("communities/training.egi.eu.yaml", "https://aai.egi.eu/LoA#Substantial, ", "")
    assert {each.subject for each in settled.people.people if each.regrouped} == {"carol"}
    assert "1 person would be in other groups" in settled.text()
    settled.world.files.remove("training.egi.eu")
    assert settled.people.regrouped == 0
    settled.world.files.change(ACCESS_FILE, "    projects: {p3: [member]}", MORE)
    assert {each.subject for each in settled.people.people if each.regrouped} == {"alice", "carol"}


def test_a_changed_role_is_told_as_what_it_takes_and_what_implication_leaves(settled):
    settled.world.files.change(ACCESS_FILE, "p3: [member]", "p3: [reader]")
    assert settled.by_name()["alice"].lost == (P3[0],)
    assert settled.by_name()["alice"].gained == ()
    settled.world.files.change(ACCESS_FILE, "p3: [reader]", "p3: [manager]")
    assert settled.by_name()["alice"].gained == (Right("project", "egi", "p3", "manager"),)


def test_a_new_condition_takes_from_those_who_do_not_meet_it(settled):
    settled.world.files.change("communities/training.egi.eu.yaml", "https://aai.egi.eu/LoA#Substantial, ", "")
    assert settled.fates() == {"bob": Fate.LOSES_EVERYTHING, "carol": Fate.LOSES}
    (rule,) = settled.people.rules
    assert (rule.by, rule.lost) == (f"OIDC-eduperson_assurance {SUBSTANTIAL}", tuple(TRAINING))
    assert f"by {rule.by}" in settled.text()
    settled.login("bob", TRAINEE, assurance=("https://aai.egi.eu/LoA#High",))
    assert settled.fates() == {"carol": Fate.LOSES}


def test_an_issuing_client_that_is_honoured_no_more_shuts_out_whoever_came_by_it(settled):
    settled.login("erin", OPERATOR, client="keystone")
    settled.world.files.change("site.yaml", "issuing_clients: [p3idp, keystone]", "issuing_clients: [p3idp]")
    assert settled.fates() == {"erin": Fate.LOSES_EVERYTHING}


def test_a_rule_that_nobody_remembered_uses_is_seen_all_the_same(settled):
    settled.logins.held.clear()
    settled.world.files.remove("training.egi.eu")
    (rule,) = settled.people.rules
    assert (rule.groups, rule.lost, rule.people) == ((COURSE_GROUP[1],), tuple(TRAINING), 0)
    assert "training.egi.eu:role=vm_operator of egi (nobody remembered)" in settled.text()
    entitlement = "entitlement: urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"
    settled.world.files.change(ACCESS_FILE, entitlement, f"{entitlement.partition('#')[0]}s")
    gained = [rule.groups for rule in settled.people.rules if rule.gained]
    assert gained == [(GROUP[1] + "s",)]


def test_whom_keystone_alone_knows_is_followed_by_their_groups(settled):
    settled.user("frank", COURSE_GROUP)
    settled.user("grace", GROUP)
    settled.user("henry", GROUP, COURSE_GROUP, enabled=False)
    settled.world.files.remove("training.egi.eu")
    frank = settled.by_name()["shown frank"]
    assert (frank.fate, frank.seen, list(frank.lost)) == (Fate.LOSES_EVERYTHING, "groups", TRAINING)
    assert not {"shown grace", "shown henry"} & settled.fates().keys()


def test_whose_claims_are_remembered_is_found_in_keystone_by_id_and_else_by_name(settled):
    settled.user("alice", GROUP)
    settled.user("other", GROUP, name="carol")
    settled.user("frank", GROUP)
    settled.world.files.remove("training.egi.eu")
    coverage = settled.people.coverage
    assert (coverage.known, coverage.both, coverage.remembered) == (3, 2, 4)
    assert settled.keystone.asked == [user_id("domain", "frank")]
    assert settled.by_name()["bob"].known is False
    assert settled.by_name()["carol"].known is True
    told = " ".join(settled.text().split())
    assert "Coverage: claims of 2 of the 3 people known to Keystone, and 2 who never came to Keystone." in told
    assert "Logins through Apache past p3idp are seen without claims." in told


def test_whom_keystone_keeps_out_has_nothing_to_lose(settled):
    settled.user("bob", COURSE_GROUP, enabled=False)
    settled.world.files.remove("training.egi.eu")
    assert settled.fates() == {"carol": Fate.LOSES}


def test_only_so_many_are_asked_for_their_groups_and_that_is_said(settled, monkeypatch):
    monkeypatch.setattr(people_ops, "MOST_ASKED", 2)
    for number in range(5):
        settled.user(f"user-{number}", COURSE_GROUP)
    settled.world.files.remove("training.egi.eu")
    assert len(settled.keystone.asked) < 5
    assert settled.people.coverage.unasked == 3
    assert "Of 3 people without claims the groups were not asked for" in " ".join(settled.text().split())


def test_a_role_of_ones_own_stays_and_is_not_counted_as_lost(settled):
    for name in ("bob", "frank"):
        settled.user(name, COURSE_GROUP, own=(Right("project", "egi", "training", "reader"),))
    settled.world.files.remove("training.egi.eu")
    assert settled.by_name()["shown frank"].lost == (TRAINING[0],)
    assert settled.fates()["bob"] is Fate.LOSES_EVERYTHING, "no rule lets bob in, so a grant of his own is no use"
    settled.world.files.write("communities/training.egi.eu.yaml", TEXT.replace("[member]", "[manager]"))
    assert settled.by_name()["carol"].gained == (Right("project", "egi", "training", "manager"),)


def test_a_mapping_of_schema_3_wipes_grants_made_by_hand_and_they_are_counted(settled):
    """The policy compiles to 2.0; a state that somebody goes back to may hold 3.0."""
    own = (Right("project", "egi", "other", "reader"), Right("domain", "egi", "", "reader"))
    settled.user("alice", GROUP, own=own)
    settled.user("frank", GROUP, own=own[:1])
    planned = settled.world.ops.planned(NOW)
    old = settled.world.keystone.held[Kind.MAPPING, ("p3idp-egi",)]
    new = replace(old, attributes={**old.attributes, "schema_version": "3.0"})
    view = settled.world.people
    assert view is not None

    def look(*changes: Change) -> People:
        seen = view.look(replace(planned, plan=replace(planned.plan, changes=changes)), NOW).plan.people
        assert seen is not None
        return seen

    people = look(Change(old, new))
    assert people.wiped == 2
    assert people.people[0].lost == own[:1]
    settled.world.keystone.put(new)
    planned = settled.world.ops.planned(NOW)
    assert look(Change(new, old)).wiped == 0, "away from 3.0 nothing is wiped"


def test_people_who_would_be_known_by_another_id_are_counted(settled):
    settled.user("alice", GROUP)
    settled.user("frank")
    settled.world.files.change("site.yaml", "    scopes:", "    claims: {subject: email}\n    scopes:")
    assert settled.people.other_users == 4
    assert settled.fates() == dict.fromkeys(["alice", "bob", "carol", "shown frank"], Fate.OTHER_USER)
    assert "would be known by another user id" in settled.text()


def test_a_provider_that_is_shut_shuts_everybody_out(settled):
    settled.user("frank", GROUP)
    settled.world.files.change("site.yaml", "  egi:", "  other:")
    settled.world.files.change("site.yaml", ISSUER, "https://other.test")
    assert settled.fates()["alice"] is Fate.LOSES_EVERYTHING
    assert settled.fates()["shown frank"] is Fate.LOSES_EVERYTHING


def test_a_rollback_says_who_gains_again(settled):
    settled.world.files.remove("training.egi.eu")
    settled.world.apply("too-many-removals", "people-lose-access")
    back = settled.world.plan_rollback(1).people
    assert back is not None
    assert {each.subject: each.fate for each in back.people} == {"bob": Fate.GAINS, "carol": Fate.GAINS}


def test_losing_everything_is_a_finding_that_is_accepted_by_name(settled):
    settled.world.files.remove("training.egi.eu")
    (finding,) = (each for each in settled.world.plan().findings if each.name == "people-lose-access")
    assert finding.message.startswith("At least 1 person would lose all they have here.")
    with pytest.raises(FindingsUnaccepted, match="people-lose-access"):
        settled.world.apply("too-many-removals")
    settled.world.apply("too-many-removals", "people-lose-access")


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ({"everything": 1, "something": 2}, ""),
        ({"everything": 1, "something": 1}, "At least 2 people would lose a role"),
        ({"everything": 0, "something": 1}, "At least 1 person would lose all they have here, and At least 2 people"),
    ],
)
def test_the_settings_say_how_many_may_lose(settled, bounds, told):
    settled.bound(**bounds)
    settled.world.files.remove("training.egi.eu")
    messages = [each.message for each in settled.world.plan().findings if each.name == "people-lose-access"]
    assert bool(messages) == bool(told)
    assert not told or told.lower() in messages[0].lower()


def test_a_sign_in_between_plan_and_apply_makes_no_plan_stale_unless_it_changes_a_finding(settled):
    settled.bound(everything=100, something=100)
    settled.world.files.remove("training.egi.eu")
    digest = settled.world.plan().digest
    settled.login("ivan", TRAINEE, assurance=(SUBSTANTIAL,))
    assert "ivan" in settled.fates()
    assert settled.world.plan().digest == digest
    settled.bound(everything=1, something=100)
    digest = settled.world.plan().digest
    settled.login("judy", TRAINEE, assurance=(SUBSTANTIAL,))
    assert settled.world.plan().digest == digest, "at least two is still at least two"
    for number in range(3):
        settled.login(f"newcomer-{number}", TRAINEE, assurance=(SUBSTANTIAL,))
    assert settled.world.plan().digest != digest


def test_numbers_of_a_finding_go_in_steps():
    told = {number: at_least(number) for number in (1, 2, 4, 5, 19, 49, 50, 1234)}
    assert told == {
        1: "At least 1 person",
        2: "At least 2 people",
        4: "At least 2 people",
        5: "At least 5 people",
        19: "At least 10 people",
        49: "At least 20 people",
        50: "At least 50 people",
        1234: "At least 1,000 people",
    }


def test_machines_get_all_of_it_beside_the_digest(settled):
    settled.world.files.remove("training.egi.eu")
    told = json.loads(json.dumps(settled.world.plan().as_json()))["people"]
    bob = next(each for each in told["people"] if each["subject"] == "bob")
    assert bob["change"] == "loses-everything"
    assert bob["seen_by"] == "claims"
    assert bob["lost"][0] == {"target": "project", "domain": "egi", "name": "training", "role": "member"}
    assert told["coverage"]["remembered"] == 4
    assert told["rules"][0]["remembered_people"] == 2


def test_nothing_remembered_is_said_and_no_failure(settled):
    settled.remembers = False
    settled.world.files.remove("training.egi.eu")
    assert settled.fates() == {}
    assert "No login is remembered, since the settings name no key" in " ".join(settled.text().split())


def test_with_the_wrong_key_coverage_is_nothing_and_the_plan_says_so(settled):
    settled.logins.held.clear()
    settled.logins.unreadable = 4
    settled.world.files.remove("training.egi.eu")
    told = " ".join(settled.text().split())
    assert "claims of 0 of the 0 people known to Keystone." in told
    assert "4 remembered logins cannot be read with the key of the settings." in told


@pytest.mark.parametrize("problem", [SecretUnavailable, LedgerUnavailable, SettingsInvalid])
def test_a_key_or_a_database_that_is_gone_is_a_note_and_not_the_end_of_the_plan(settled, problem):
    def gone() -> LoginReader:
        raise problem("It is not there.")

    settled.user("frank", COURSE_GROUP)
    settled.world.people = replace(settled.world.people, logins=gone)
    settled.world.files.remove("training.egi.eu")
    assert settled.fates() == {"shown frank": Fate.LOSES_EVERYTHING}
    assert "Remembered logins cannot be read: It is not there." in " ".join(settled.text().split())


def test_a_keystone_that_does_not_list_its_users_is_no_failure(settled):
    settled.keystone.problem = KeystoneForbids("p3idp's account may not list users.")
    settled.world.files.remove("training.egi.eu")
    assert settled.fates()["bob"] is Fate.LOSES_EVERYTHING
    assert settled.people.coverage.known is None
    assert "does not let p3idp's account list its users" in " ".join(settled.text().split())


def test_what_has_ended_is_of_no_weight(settled):
    settled.world.files.remove("training.egi.eu")
    settled.world.now = NOW + timedelta(days=91)
    assert settled.fates() == {}


STRANGE = [
    {
        "local": [{"user": {"name": "{0}", "email": "{1}"}, "group": {"id": "f00d"}}],
        "remote": [{"type": "OIDC-sub"}, {"type": "OIDC-email"}, {"type": "OIDC-iss", "any_one_of": [ISSUER]}],
    },
    {
        "local": [{"projects": [{"name": "mine", "domain": {"name": "egi"}, "roles": [{"name": "member"}]}]}],
        "remote": [{"type": "OIDC-eduperson_entitlement", "any_one_of": [OPERATOR]}],
    },
    {"local": [{"groups": "x", "domain": {"name": "egi"}}], "remote": [{"type": "OIDC-country", "any_one_of": ["x"]}]},
]


def test_somebody_elses_mapping_is_what_people_have_now(settled):
    world = settled.world
    world.put(Kind.MAPPING, ("p3idp-egi",), rules=STRANGE, schema_version="2.0")
    settled.keystone.group_ids["f00d"] = COURSE_GROUP
    lost = settled.by_name()["alice"].lost
    mine = tuple(Right("project", "egi", "mine", role) for role in ("member", "reader"))
    assert lost == (*mine, *TRAINING)
    assert list(settled.by_name()["alice"].gained) == P3
    assert settled.fates()["dave"] is Fate.LOSES_EVERYTHING
    assert "asks for OIDC-country, which is not remembered" in " ".join(settled.text().split())


def test_of_somebody_elses_mapping_only_issuers_of_the_provider_and_groups_that_are_there_count(settled):
    anyone = {"remote": [{"type": "OIDC-sub"}]}
    user = {"user": {"name": "{0}"}}
    local = [{**user, "group": {"name": name, "domain": {"name": "egi"}}} for name in (COURSE_GROUP[1], "ghost")]
    rules = [{"local": [each], **anyone} for each in local]
    settled.world.put(Kind.MAPPING, ("p3idp-egi",), rules=rules, schema_version="2.0")
    settled.login("stranger", issuer="https://elsewhere.test")
    assert "stranger" not in settled.fates()
    assert settled.fates()["dave"] is Fate.LOSES_EVERYTHING
    before = Cloud(settled.world.keystone.read("egi"), RegexWorker())
    door = before.door("egi", "openid")
    assert door is not None
    entered = before.enter(door, {"OIDC-sub": "x"}, "egi")
    assert entered is not None
    assert entered.groups == {COURSE_GROUP}


def test_a_mapping_that_cannot_be_evaluated_is_named(settled):
    settled.world.put(Kind.MAPPING, ("p3idp-egi",), rules=[{"local": [], "remote": []}], schema_version="2.0")
    assert "mapping p3idp-egi cannot be evaluated here" in " ".join(settled.text().split())


def test_many_people_are_shown_in_part_and_nothing_steers_the_terminal(settled, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for number in range(30):
        settled.login(f"trainee-{number:02}", TRAINEE, assurance=(SUBSTANTIAL,))
    settled.user("a", COURSE_GROUP, name="a\x1b[2J")
    settled.world.files.remove("training.egi.eu")
    shown = settled.text()
    assert "… and 13 more (--json has all)" in shown
    assert "\x1b[2J" not in shown
    assert "loses everything: a\ufffd[2J of egi\n" in shown
    assert "judged by the groups they are in; their claims are not known" in shown
    lines = [line for line in shown.splitlines() if not line.startswith(("Digest", "To apply"))]
    assert max(map(len, lines)) <= 80


def test_a_value_that_keystone_would_read_otherwise_gives_nothing_on_either_side(settled):
    settled.login("mallory", f"{TRAINEE};{OPERATOR}", assurance=(SUBSTANTIAL,))
    settled.world.files.remove("training.egi.eu")
    assert "mallory" not in settled.fates()
