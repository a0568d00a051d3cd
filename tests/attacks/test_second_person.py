"""One person alone never decides what reaches admin, whatever they try; two people do.

N tried, N refused, none let in. Each attack wants one thing: a grant of admin in Keystone that nobody else approved.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from deciding import ACCESS, ALICE, APPROVERS, BOB, CAROL, Deciding
from hostile import MISSING, HostileProvider

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.policy_files import load_policy
from p3idp.core.access.resources import Kind
from p3idp.core.access.way_back import WayBack
from p3idp.core.audit.event import AuditEvent, Outcome, person
from p3idp.core.login.tokens import RawToken
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.access import ApplyIncomplete, FindingsUnaccepted, LedgerDamaged, PlanStale
from p3idp.errors.login import TokenRefused
from p3idp.errors.proposals import ProposalDamaged, ProposalRefused, SecondPersonNeeded
from p3idp.ops.access_ledger import TARGET
from p3idp.ops.audit import verify_ledger

MEMBER = ("egi", "vo.access.egi.eu:role=vm_operator", "member", "project", "egi", "p3")
Attack = Callable[[Deciding], object]


@pytest.fixture(scope="module")
def alias_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileProvider]:
    provider = HostileProvider(tmp_path_factory.mktemp("alias"))
    yield provider
    provider.close()


@pytest.fixture
def site(tmp_path: Path, hostile: HostileProvider, alias_server: HostileProvider) -> Iterator[Deciding]:
    alias_server.reset()
    made = Deciding(tmp_path, hostile, alias_server)
    yield made
    made.engine.dispose()


def by(subject: object, **claims: object) -> Attack:
    """Alice proposes; this token is to approve."""

    def attack(site: Deciding) -> object:
        proposal = site.propose()
        site.desk.approve(proposal.id, proposal.digest, site.token(subject, **claims), site.now)
        return site.apply(proposal)

    return attack


def at_the_alias(site: Deciding) -> object:
    proposal = site.propose()
    site.desk.approve(proposal.id, proposal.digest, site.token(ALICE, site.alias), site.now)
    return site.apply(proposal)


def proposed_at_the_alias(site: Deciding) -> object:
    proposal, _ = site.desk.propose(site.token(ALICE, site.alias), (), None, site.now)
    site.approve(proposal, ALICE)
    return site.apply(proposal)


def raw(text: str) -> Attack:
    def attack(site: Deciding) -> object:
        proposal = site.propose()
        site.desk.approve(proposal.id, proposal.digest, RawToken(Secret(text)), site.now)
        return site.apply(proposal)

    return attack


def with_an_id_token(site: Deciding) -> object:
    proposal = site.propose()
    site.token(BOB)
    token = RawToken(Secret(site.hostile.id_token("n")))
    return site.desk.approve(proposal.id, proposal.digest, token, site.now)


def signed_by_the_attacker(site: Deciding) -> object:
    proposal = site.propose()
    site.hostile.signing_key = site.hostile.attacker
    return site.approve(proposal)


def without_approval(site: Deciding) -> object:
    return site.apply(site.propose())


def by_accepting_every_name(site: Deciding) -> object:
    return site.access.apply(site.now, None, tuple(f.name for f in site.access.plan(site.now).findings))


def approved_with_another_digest(site: Deciding) -> object:
    proposal = site.propose()
    site.desk.approve(proposal.id, "0" * 64, site.token(BOB), site.now)
    return site.apply(proposal)


def approved_when_it_is_over(site: Deciding) -> object:
    proposal = site.propose()
    site.later(hours=24)
    fresh = int(site.now.timestamp())
    site.desk.approve(proposal.id, proposal.digest, site.token(BOB, iat=fresh, exp=fresh + 3600), site.now)
    return site.apply(proposal)


def applied_when_it_is_over(site: Deciding) -> object:
    proposal = site.propose()
    site.approve(proposal)
    site.later(hours=24)
    return site.apply(proposal)


def applied_twice(site: Deciding) -> object:
    """Keystone is brought back to what it was, so that the plan would be the same again."""
    proposal = site.propose()
    site.approve(proposal)
    site.apply(proposal)
    for place in [place for place in site.world.keystone.held if "admin" in place[1]]:
        del site.world.keystone.held[place]
    return site.apply(proposal)


def applied_again_after_a_failure(site: Deciding) -> object:
    """The first run was killed before anything was done: the plan is the same, and the approval was used."""
    proposal = site.propose()
    site.approve(proposal)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(MemoryKeystone, "write", _killed)
        with pytest.raises(ApplyIncomplete):
            site.apply(proposal)
    return site.apply(proposal)


def _killed(self: MemoryKeystone, change: object) -> None:
    raise KeyboardInterrupt


def approval_of_another_proposal(site: Deciding) -> object:
    harmless, harmful = _two_proposals(site)
    site.sql("UPDATE proposals SET approval = :a WHERE id = :id", a=site.column("approval", harmless), id=harmful.id)
    return site.apply(harmful)


def proposal_in_the_place_of_another(site: Deciding) -> object:
    harmless, harmful = _two_proposals(site)
    site.sql("UPDATE proposals SET sealed = :s WHERE id = :id", s=site.column("sealed", harmful), id=harmless.id)
    return site.apply(harmless)


def _two_proposals(site: Deciding):
    """One that Bob approved, since it does little; and one that he never saw."""
    site.files.change(ACCESS, "[member, admin]", "[member, reader]")
    harmless = site.propose()
    site.approve(harmless)
    site.files.change(ACCESS, "[member, reader]", "[member, admin]")
    return harmless, site.propose()


def proposal_sealed_as_approval(site: Deciding) -> object:
    proposal = site.propose()
    site.sql("UPDATE proposals SET approval = sealed")
    return site.apply(proposal)


def a_byte_of_the_proposal(site: Deciding) -> object:
    proposal = site.propose()
    site.approve(proposal)
    sealed = site.column("sealed", proposal)
    site.sql("UPDATE proposals SET sealed = :s", s=sealed[:-3] + ("AA=" if sealed[-3:] != "AA=" else "BB="))
    return site.apply(proposal)


def sealed_with_a_key_of_ones_own(site: Deciding) -> object:
    from cryptography.fernet import Fernet

    proposal = site.propose()
    forger = site.make_desk(Fernet.generate_key().decode())
    forger.proposals().keep(proposal.__class__(**{**_fields(proposal), "id": "feedfeedfeed"}))
    return site.desk.apply("feedfeedfeed", None, site.now, lambda change, result: None)


def _fields(value):
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def a_record_written_to_the_ledger(site: Deciding) -> object:
    """Whoever can write the database can also lengthen the chain: no approval follows from that."""
    proposal = site.propose()
    bob = person(BOB, site.hostile.issuer)
    told = {"proposal": proposal.id, "digest": proposal.digest}
    target = (TARGET, site.access.reader.target())
    event = AuditEvent("approve/proposal", Outcome.SUCCESS, bob, target, site.now, about=proposal.record, details=told)
    site.access.ledger().append(event)
    return site.apply(proposal)


def the_approvals_record_taken_away(site: Deciding) -> object:
    proposal = site.propose()
    approval = site.approve(proposal)
    number = int(approval.record.rpartition("/")[2])
    site.sql("DELETE FROM ledger WHERE sequence = :n", n=number)
    return site.apply(proposal)


def the_chain_shortened_and_its_head_set_back(site: Deciding) -> object:
    """The chain holds again; what stood in it does not."""
    proposal = site.propose()
    approval = site.approve(proposal)
    number = int(approval.record.rpartition("/")[2])
    site.sql("DELETE FROM ledger WHERE sequence = :n", n=number)
    site.sql(
        "UPDATE ledger_heads SET length = :n, digest = (SELECT digest FROM ledger WHERE sequence = :n)", n=number - 1
    )
    verify_ledger(site.access.ledger())
    return site.apply(proposal)


def another_record_changed(site: Deciding) -> object:
    """Proposal and approval are as they were; that Carol tried before is to be forgotten."""
    proposal = site.propose()
    with pytest.raises(ProposalRefused):
        site.approve(proposal, CAROL)
    site.approve(proposal)
    site.sql("UPDATE ledger SET event = replace(event, 'carol', 'david') WHERE event LIKE '%not-approver%'")
    return site.apply(proposal)


def an_issuer_that_the_draft_alone_believes(site: Deciding) -> object:
    """Whose keys are the attacker's: its word would be enough to be Bob."""
    both, one = f"issuers: [{site.hostile.issuer}, {site.alias.issuer}]", f"issuers: [{site.hostile.issuer}]"
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", both, one)
    fewer = site.propose()
    site.approve(fewer)
    site.apply(fewer)
    site.files.change("site.yaml", one, both)
    site.files.change(ACCESS, "[member]", "[member, admin]")
    proposal = site.propose()
    site.desk.approve(proposal.id, proposal.digest, site.token(BOB, site.alias), site.now)
    return site.apply(proposal)


def after_the_plan_moved(site: Deciding) -> object:
    site.files.change(ACCESS, "[member, admin]", "[member, reader]")
    proposal = site.propose()
    site.approve(proposal)
    site.files.change(ACCESS, "[member, reader]", "[member, admin]")
    return site.apply(proposal)


def after_keystone_moved(site: Deciding) -> object:
    proposal = site.propose()
    site.approve(proposal)
    del site.world.keystone.held[Kind.ROLE_ASSIGNMENT, MEMBER]
    return site.apply(proposal)


def a_draft_with_approvers_of_its_own(site: Deciding) -> object:
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{ALICE}, {CAROL}]")
    proposal = site.propose()
    site.approve(proposal, CAROL)
    return site.apply(proposal)


def a_draft_that_names_approvers_applied_alone(site: Deciding) -> object:
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{ALICE}, {CAROL}]")
    return site.access.apply(site.now, None, ("changes-approvers",))


def a_draft_without_approvers(site: Deciding) -> object:
    site.files.change("site.yaml", APPROVERS, "")
    return by_accepting_every_name(site)


def an_issuer_added_alone(site: Deciding) -> object:
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", site.alias.issuer, f"{site.alias.issuer}, https://evil.example.org")
    return by_accepting_every_name(site)


def a_client_added_alone(site: Deciding) -> object:
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", "p3idp-cli]", "p3idp-cli, evil]")
    return by_accepting_every_name(site)


def an_audience_added_alone(site: Deciding) -> object:
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", "    scopes:", "    audiences: [evil]\n    scopes:")
    return by_accepting_every_name(site)


def a_token_of_a_client_that_does_not_speak_for_approvers(site: Deciding) -> object:
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", f"  subjects: [{ALICE}", f"  issuing_clients: [p3idp]\n  subjects: [{ALICE}")
    fewer = site.propose()
    site.approve(fewer)
    site.apply(fewer)
    site.files.change(ACCESS, "[member]", "[member, admin]")
    return by(BOB, azp="p3idp-cli", client_id="p3idp-cli")(site)


def another_subject_claim_alone(site: Deciding) -> object:
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", "subject: voperson_id", "subject: email")
    return by_accepting_every_name(site)


def the_newest_apply_taken_away(site: Deciding) -> object:
    """So that the draft's own approvers would be the first."""
    site.sql("DELETE FROM access_history")
    return by_accepting_every_name(site)


def the_newest_apply_spoiled(site: Deciding) -> object:
    site.sql("UPDATE access_history SET begun = x'00'")
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{ALICE}, {CAROL}]")
    return by_accepting_every_name(site)


def another_policy_id(site: Deciding) -> object:
    """A policy that is new here has no history of its own."""
    site.files.change("site.yaml", "policy: test-site", "policy: other-site")
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{ALICE}, {CAROL}]")
    return by_accepting_every_name(site)


def at_another_address(site: Deciding) -> None:
    """The same Keystone by its number, or another cloud: nothing was applied there so far."""
    site.world.keystone.url = "https://192.0.2.1:5000/v3"


def another_address(site: Deciding) -> object:
    at_another_address(site)
    return by_accepting_every_name(site)


def approvers_of_ones_own_at_another_address(site: Deciding) -> object:
    """First the approvers alone, accepted by name as a first list is; admin would follow with their word."""
    at_another_address(site)
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{ALICE}, {CAROL}]")
    return by_accepting_every_name(site)


def approved_at_another_address_by_the_drafts_own(site: Deciding) -> object:
    at_another_address(site)
    return a_draft_with_approvers_of_its_own(site)


def no_approvers_at_another_address(site: Deciding) -> object:
    at_another_address(site)
    return a_draft_without_approvers(site)


def another_address_and_another_policy_id(site: Deciding) -> object:
    at_another_address(site)
    site.files.change(ACCESS, "[member, admin]", "[member]")
    return another_policy_id(site)


def an_environment_of_ones_own_elsewhere(site: Deciding) -> object:
    at_another_address(site)
    return an_environment_of_ones_own(site)


def an_environment_of_ones_own(site: Deciding) -> object:
    """A new file in the policy, with approvers of its own, and settings that call this Keystone by its name."""
    site.files.change(ACCESS, "[member, admin]", "[member]")
    (site.files.root / "environments").mkdir()
    approvers = APPROVERS.replace(f"[{ALICE}, {BOB}]", f"[{ALICE}, {CAROL}]")
    site.files.write("environments/mine.yaml", approvers)
    access = replace(site.access, policy=lambda: load_policy(site.files.root, environment="mine"))
    return access.apply(site.now, None, tuple(f.name for f in access.plan(site.now).findings))


def approvers_of_another_clouds_policy(site: Deciding) -> object:
    """Two people let Carol decide with Alice about another policy, at another cloud; Alice brings that policy here."""
    here = site.world.keystone.url
    at_another_address(site)
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", "policy: test-site", "policy: other-site")
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{ALICE}, {CAROL}]")
    there = site.propose(ALICE, *names_of_findings(site))
    site.approve(there, BOB)
    site.apply(there)
    site.world.keystone.url = here
    site.files.change(ACCESS, "[member]", "[member, admin]")
    proposal = site.propose(ALICE, *names_of_findings(site))
    return site.approve(proposal, CAROL)


def who_decides_at_other_environments_alone(site: Deciding) -> object:
    """Where this environment names others, who decides by site.yaml is nobody here."""
    site.files.change(ACCESS, "[member, admin]", "[member]")
    (site.files.root / "environments").mkdir()
    site.files.write("environments/mine.yaml", APPROVERS.replace(f"[{ALICE}, {BOB}]", f"[{BOB}, {CAROL}]"))
    access = replace(site.access, policy=lambda: load_policy(site.files.root, environment="mine"))
    site.desk = replace(site.desk, access=access)
    first = site.propose(ALICE, *names_of_findings(site))
    site.approve(first, BOB)
    site.apply(first)
    site.files.change(ACCESS, "[member]", "[member, admin]")
    proposal = site.propose(BOB, *names_of_findings(site))
    return site.approve(proposal, ALICE)


def names_of_findings(site: Deciding) -> tuple[str, ...]:
    return tuple(finding.name for finding in site.access.plan(site.now).findings)


def the_newest_apply_taken_away_and_another_address(site: Deciding) -> object:
    site.sql("DELETE FROM access_history")
    return approvers_of_ones_own_at_another_address(site)


def an_approval_for_another_address(site: Deciding) -> object:
    """Two people decided on one Keystone; it says nothing of another."""
    proposal = site.propose()
    site.approve(proposal)
    at_another_address(site)
    return site.apply(proposal)


def an_approver_who_left_meanwhile(site: Deciding) -> object:
    """Alice and Bob replaced Bob by Carol; what he said before no longer counts."""
    proposal = site.propose()
    site.approve(proposal)
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{ALICE}, {CAROL}]")
    other = site.propose()
    site.approve(other)
    site.apply(other)
    site.files.change(ACCESS, "[member]", "[member, admin]")
    return site.apply(proposal)


def a_rule_that_leads_to_admins(site: Deciding) -> object:
    """The group is admin by the word of two; one alone lets others into it."""
    proposal = site.propose()
    site.approve(proposal)
    site.apply(proposal)
    rule = "    group: vo.access.egi.eu:role=vm_operator\n"
    more = (
        (site.files.root / ACCESS)
        .read_text()
        .replace("role=vm_operator#aai.egi.eu\n", f"role=anybody#aai.egi.eu\n{rule}")
    )
    site.files.write(ACCESS, more)
    return by_accepting_every_name(site)


ATTACKS: dict[str, tuple[Attack, type[P3idpError], str]] = {
    "the same person": (by(ALICE), ProposalRefused, "same-person"),
    "the same person by another client": (
        by(ALICE, azp="p3idp-cli", client_id="p3idp-cli"),
        ProposalRefused,
        "same-person",
    ),
    "the same person in another session": (by(ALICE, sid="s-2", jti="t-2"), ProposalRefused, "same-person"),
    "the same person by another issuer": (at_the_alias, ProposalRefused, "same-person"),
    "the same person, proposed at another issuer": (proposed_at_the_alias, ProposalRefused, "same-person"),
    "somebody who is no approver": (by(CAROL), ProposalRefused, "not-approver"),
    "an approver in capitals": (by("BOB@egi.eu"), ProposalRefused, "not-approver"),
    "an approver of another realm": (by("bob@egi.eu.example.org"), ProposalRefused, "not-approver"),
    "a Cyrillic o": (by("b\u043eb@egi.eu"), P3idpError, "sub"),
    "an invisible character": (by("bob\u200b@egi.eu"), P3idpError, "sub"),
    "full-width letters": (by("\uff42ob@egi.eu"), P3idpError, "sub"),
    "a space at the end": (by("bob@egi.eu "), P3idpError, "sub"),
    "two people in one": (by([ALICE, BOB]), P3idpError, "sub"),
    "nobody": (by(BOB, sub=MISSING), P3idpError, "sub"),
    "a token of another client": (by(BOB, azp="other", client_id="other"), P3idpError, "client"),
    "a token for another service": (by(BOB, aud="other"), P3idpError, "audience"),
    "no token": (raw(""), P3idpError, ""),
    "nonsense": (raw("x.y.z"), P3idpError, ""),
    "an ID token": (with_an_id_token, P3idpError, ""),
    "a token that somebody else signed": (signed_by_the_attacker, P3idpError, "signature"),
    "no approval": (without_approval, ProposalRefused, "unapproved"),
    "every finding accepted by name": (by_accepting_every_name, SecondPersonNeeded, ""),
    "another digest": (approved_with_another_digest, PlanStale, ""),
    "approved when it is over": (approved_when_it_is_over, ProposalRefused, "over"),
    "applied when it is over": (applied_when_it_is_over, ProposalRefused, "over"),
    "applied twice": (applied_twice, PlanStale, ""),
    "applied again after a failure": (applied_again_after_a_failure, ProposalRefused, "spent"),
    "the approval of another proposal": (approval_of_another_proposal, ProposalDamaged, ""),
    "a proposal in the place of another": (proposal_in_the_place_of_another, ProposalDamaged, ""),
    "the proposal as its own approval": (proposal_sealed_as_approval, ProposalDamaged, ""),
    "a byte of the proposal": (a_byte_of_the_proposal, ProposalDamaged, ""),
    "a proposal sealed with one's own key": (sealed_with_a_key_of_ones_own, ProposalDamaged, ""),
    "an approval written to the ledger": (a_record_written_to_the_ledger, ProposalRefused, "unapproved"),
    "the record of the approval taken away": (the_approvals_record_taken_away, P3idpError, ""),
    "the chain shortened": (the_chain_shortened_and_its_head_set_back, ProposalDamaged, ""),
    "another record changed": (another_record_changed, LedgerDamaged, ""),
    "an issuer that the draft alone believes": (an_issuer_that_the_draft_alone_believes, TokenRefused, "issuer"),
    "the plan moved": (after_the_plan_moved, PlanStale, ""),
    "Keystone moved": (after_keystone_moved, PlanStale, ""),
    "approvers of the draft's own": (a_draft_with_approvers_of_its_own, ProposalRefused, "not-approver"),
    "other approvers, applied alone": (a_draft_that_names_approvers_applied_alone, SecondPersonNeeded, ""),
    "no approvers any more": (a_draft_without_approvers, SecondPersonNeeded, ""),
    "an issuer added alone": (an_issuer_added_alone, SecondPersonNeeded, ""),
    "a client added alone": (a_client_added_alone, SecondPersonNeeded, ""),
    "an audience added alone": (an_audience_added_alone, SecondPersonNeeded, ""),
    "a client that does not speak for approvers": (
        a_token_of_a_client_that_does_not_speak_for_approvers,
        ProposalRefused,
        "not-approver",
    ),
    "another subject claim alone": (another_subject_claim_alone, SecondPersonNeeded, ""),
    "the newest apply taken away": (the_newest_apply_taken_away, FindingsUnaccepted, ""),
    "the newest apply spoiled": (the_newest_apply_spoiled, FindingsUnaccepted, ""),
    "another policy id": (another_policy_id, SecondPersonNeeded, ""),
    "another address": (another_address, SecondPersonNeeded, ""),
    "another address, approvers of one's own": (approvers_of_ones_own_at_another_address, SecondPersonNeeded, ""),
    "another address, approved by the draft's own": (
        approved_at_another_address_by_the_drafts_own,
        ProposalRefused,
        "not-approver",
    ),
    "another address, no approvers": (no_approvers_at_another_address, SecondPersonNeeded, ""),
    "another address and another policy id": (another_address_and_another_policy_id, SecondPersonNeeded, ""),
    "an environment of one's own": (an_environment_of_ones_own, SecondPersonNeeded, ""),
    "an environment of one's own elsewhere": (an_environment_of_ones_own_elsewhere, SecondPersonNeeded, ""),
    "approvers of another cloud's policy": (approvers_of_another_clouds_policy, ProposalRefused, "not-approver"),
    "who decides at other environments alone": (
        who_decides_at_other_environments_alone,
        ProposalRefused,
        "not-approver",
    ),
    "another address, the history taken away": (
        the_newest_apply_taken_away_and_another_address,
        FindingsUnaccepted,
        "",
    ),
    "an approval for another address": (an_approval_for_another_address, PlanStale, ""),
    "an approver who left meanwhile": (an_approver_who_left_meanwhile, ProposalRefused, "not-approver"),
    "another rule to the same group": (a_rule_that_leads_to_admins, SecondPersonNeeded, ""),
}
# These begin with what two people did decide.
AFTER_CONSENT = {"applied twice", "another rule to the same group"}


@pytest.mark.parametrize("name", ATTACKS)
def test_one_person_never_decides(site: Deciding, name: str) -> None:
    attack, kind, reason = ATTACKS[name]
    with pytest.raises(kind) as refused:
        attack(site)
    assert getattr(refused.value, "reason", "") == reason or not reason, refused.value
    assert refused.value.hint
    if name not in AFTER_CONSENT:
        assert not site.rules_over_everything


@pytest.mark.parametrize(
    ("ago", "refused"),
    [(timedelta(minutes=14), ""), (timedelta(minutes=16), "token-old"), (timedelta(hours=2), "expired")],
)
def test_only_a_token_of_a_moment_ago_says_who_somebody_is(site: Deciding, ago: timedelta, refused: str) -> None:
    proposal = site.propose()
    issued = int((site.now - ago).timestamp())
    token = site.token(BOB, iat=issued, exp=issued + 3600)
    if not refused:
        site.desk.approve(proposal.id, proposal.digest, token, site.now)
        return
    with pytest.raises(P3idpError) as told:
        site.desk.approve(proposal.id, proposal.digest, token, site.now)
    assert told.value.reason == refused


def test_two_people_decide_and_the_ledger_tells_who(site: Deciding) -> None:
    """The control: what is refused above is let in when it is as it should be."""
    proposal = site.propose()
    approval = site.approve(proposal)
    site.desk.apply(proposal.id, site.token(CAROL), site.now, lambda change, result: None)
    assert site.rules_over_everything
    ledger = site.access.ledger()
    verify_ledger(ledger)
    kept = list(ledger.records("host"))
    told = [(r.body["action"], r.body["outcome"], r.body["initiator"]["id"]) for r in kept]
    issuer = site.hostile.issuer
    assert told[-4:] == [
        ("create/proposal", "pending", f"{ALICE}@{issuer}"),
        ("approve/proposal", "success", f"{BOB}@{issuer}"),
        ("update/access", "pending", f"{CAROL}@{issuer}"),
        ("update/access", "success", f"{CAROL}@{issuer}"),
    ]
    intent = kept[-2].body
    assert intent["about"] == approval.record
    said = intent["attachments"][0]["content"]
    assert (said["proposer"]["subject"], said["approver"]["subject"], said["proposal"]) == (ALICE, BOB, proposal.id)


def test_the_same_two_people_decide_whatever_client_and_issuer_they_come_by(site: Deciding) -> None:
    proposal, _ = site.desk.propose(site.token(ALICE, site.alias), (), None, site.now)
    token = site.token(BOB, azp="p3idp-cli", client_id="p3idp-cli")
    site.desk.approve(proposal.id, proposal.digest, token, site.now)
    site.apply(proposal)
    assert site.rules_over_everything


def test_approvers_change_by_the_word_of_those_before_them(site: Deciding) -> None:
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{BOB}, {CAROL}]")
    proposal = site.propose()
    site.approve(proposal)
    assert site.apply(proposal).results == (), "nothing changes in Keystone, and yet it is kept"
    site.files.change(ACCESS, "[member]", "[member, admin]")
    with pytest.raises(ProposalRefused, match="no approver"):
        site.propose(ALICE)
    later = site.propose(CAROL)
    site.approve(later)
    site.apply(later)
    assert site.rules_over_everything


def test_whoever_decides_elsewhere_decides_on_the_first_apply_in_a_new_place(site: Deciding) -> None:
    """The control: two of them let it in; from then on its own policy says who decides there."""
    at_another_address(site)
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{BOB}, {CAROL}]")
    first = site.propose(ALICE)
    site.approve(first, BOB)
    site.apply(first)
    site.files.change(ACCESS, "[member]", "[member, admin]")
    with pytest.raises(ProposalRefused, match="no approver"):
        site.propose(ALICE)
    later = site.propose(CAROL)
    site.approve(later, BOB)
    site.apply(later)
    assert site.rules_over_everything


def test_an_attempt_is_in_the_ledger(site: Deciding) -> None:
    proposal = site.propose()
    for subject, reason in ((ALICE, "same-person"), (CAROL, "not-approver")):
        with pytest.raises(ProposalRefused):
            site.approve(proposal, subject)
        body = list(site.access.ledger().records("host"))[-1].body
        assert (body["outcome"], body["reason"]["reasonCode"]) == ("failure", reason)
        assert body["initiator"]["id"] == f"{subject}@{site.hostile.issuer}"


def test_of_two_approvals_at_once_one_counts(site: Deciding) -> None:
    site.files.change("site.yaml", f"[{ALICE}, {BOB}]", f"[{ALICE}, {BOB}, {CAROL}]")
    site.files.change(ACCESS, "[member, admin]", "[member]")
    wider = site.propose()
    site.approve(wider)
    site.apply(wider)
    site.files.change(ACCESS, "[member]", "[member, admin]")
    proposal = site.propose()
    token = site.token(BOB)

    def approve(_: int) -> str:
        try:
            return site.desk.approve(proposal.id, proposal.digest, token, site.now).record
        except ProposalRefused as exc:
            return exc.reason

    with ThreadPoolExecutor(4) as several:
        told = sorted(several.map(approve, range(4)))
    assert told.count("approved") == 3
    with pytest.raises(ProposalRefused, match="approved this"):
        site.approve(proposal, CAROL)
    site.apply(proposal)
    assert site.rules_over_everything


def test_approvers_may_be_whoever_holds_an_entitlement(site: Deciding) -> None:
    held = "urn:mace:egi.eu:group:cloud-admins:role=approver"
    site.files.change(ACCESS, "[member, admin]", "[member]")
    site.files.change("site.yaml", f"  subjects: [{ALICE}, {BOB}]", f"  entitlements: [{held}]")
    proposal = site.propose()
    site.approve(proposal)
    site.apply(proposal)
    site.files.change(ACCESS, "[member]", "[member, admin]")
    with pytest.raises(ProposalRefused, match="no approver"):
        site.propose(ALICE)
    site.hostile.person["entitlements"] = [held]
    now = site.propose(CAROL)
    with pytest.raises(ProposalRefused, match="another person"):
        site.approve(now, CAROL)
    site.approve(now, ALICE)
    site.apply(now)
    assert site.rules_over_everything


def test_a_rollback_to_where_admin_was_wants_two_people_as_well(site: Deciding) -> None:
    first = site.propose()
    site.approve(first)
    number = site.apply(first).number
    assert number is not None
    site.files.change(ACCESS, "[member, admin]", "[member]")
    names = tuple(f.name for f in site.access.plan(site.now).findings if not f.second_person)
    down = site.propose(ALICE, *names)
    site.approve(down)
    site.apply(down)
    assert not site.rules_over_everything
    with pytest.raises(SecondPersonNeeded):
        site.access.rollback(WayBack(number), site.now, None, ("admin-role", "too-many-removals", "last-admin"))
    back = site.propose(ALICE, "too-many-removals", rollback_to=number)
    site.approve(back)
    site.apply(back)
    assert site.rules_over_everything


def test_a_site_that_named_nobody_learns_what_to_do(site: Deciding) -> None:
    site.sql("DELETE FROM access_history")
    site.sql("DELETE FROM ledger")
    site.sql("DELETE FROM ledger_heads")
    with pytest.raises(ProposalRefused) as told:
        site.propose()
    assert told.value.reason == "no-approvers"
    assert "approvers" in told.value.hint
