"""A site where two people decide: real tokens, p3idp's own verifier, a real database; Keystone alone is in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from access_world import AccessWorld
from cryptography.fernet import Fernet
from hostile import HostileProvider
from policies import PolicyFiles
from sqlalchemy import text

from p3idp.adapters.checkin.transport import Transport
from p3idp.adapters.checkin.verifier import CheckinVerifier, trust
from p3idp.adapters.policy_files.texts import site_from_texts
from p3idp.adapters.seal import FernetSeal
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.history import StoredHistory
from p3idp.adapters.store.ledger import StoredLedger
from p3idp.adapters.store.proposals import StoredProposals
from p3idp.core.access.proposal import Approval, Proposal
from p3idp.core.access.resources import Kind
from p3idp.core.access.way_back import WayBack
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import Site
from p3idp.core.secret import Secret
from p3idp.ops.access import AccessOps, Applied
from p3idp.ops.proposals import ProposalDesk
from p3idp.wiring import new_token

ACCESS = "communities/vo.access.egi.eu.yaml"
ALICE, BOB, CAROL = "alice@egi.eu", "bob@egi.eu", "carol@egi.eu"
APPROVERS = f"""\
approvers:
  identity_provider: egi
  subjects: [{ALICE}, {BOB}]
"""


def site_text(*issuers: str, approvers: str = APPROVERS, clients: str = "p3idp, p3idp-cli") -> str:
    return f"""\
policy: test-site
title: A site
domain: egi
contact: support@example.org
{approvers}identity_providers:
  egi:
    title: Check-in
    issuers: [{", ".join(issuers)}]
    claims: {{subject: voperson_id}}
    scopes: [openid]
    authorization_ttl: 8h
    issuing_clients: [{clients}]
"""


class Deciding:
    """The site with its approvers in force, and a draft that makes everybody of a community an administrator."""

    def __init__(self, directory: Path, hostile: HostileProvider, alias: HostileProvider) -> None:
        self.hostile, self.alias, self.directory = hostile, alias, directory
        self.files = PolicyFiles(directory / "policy", site_text(hostile.issuer, alias.issuer))
        self.world = AccessWorld(self.files, now=datetime.now(UTC))
        self.database = f"sqlite:///{directory}/p3idp.sqlite"
        self.engine = open_store(self.database)
        self.key = Fernet.generate_key().decode()
        self.desk = self.make_desk()
        self.access.apply(self.now, None, ("changes-approvers",))
        self.files.change(ACCESS, "[member]", "[member, admin]")

    def make_desk(self, key: str = "") -> ProposalDesk:
        keys = Secret(key or self.key)
        ledger, history = StoredLedger(self.engine, "host"), StoredHistory(self.engine, 50)
        access = replace(
            self.world.ops,
            ledger=lambda: ledger,
            history=lambda: history,
            clock=lambda: self.now + timedelta(seconds=5),
            site=site_from_texts,
            guarded=True,
        )
        seals = (FernetSeal(keys, purpose, "approvals.key") for purpose in ("proposal", "approval"))
        store = StoredProposals(self.engine, *seals)
        return ProposalDesk(access, lambda: store, self.verifier, timedelta(hours=24), timedelta(minutes=15), new_token)

    @property
    def now(self) -> datetime:
        return self.world.now

    @property
    def access(self) -> AccessOps:
        return self.desk.access

    def verifier(self, site: Site, environment: str = "") -> CheckinVerifier:
        """Fresh, as each command makes it: what is asked is asked anew."""
        found = []
        for provider in site.identity_providers:
            for one in (self.hostile, self.alias):
                if one.issuer in provider.issuers:
                    mine = replace(provider, issuers=(one.issuer,))
                    secret = Secret(one.client_secret)
                    found += trust(mine, one.client_id, lambda s=secret: s, Transport(one.ca_file), lambda: 0.0, 0)
        return CheckinVerifier(tuple(replace(each, provider=site.provider(each.provider.id)) for each in found))

    def token(self, subject: object, at: HostileProvider | None = None, **claims: object) -> RawToken:
        """An access token of somebody who signed in just now."""
        provider = at or self.hostile
        provider.person |= {"sub": subject, "voperson_id": subject}
        return RawToken(Secret(provider.access_token(**claims)))

    def propose(self, subject: str = ALICE, *accepted: str, rollback_to: int | None = None) -> Proposal:
        return self.desk.propose(self.token(subject), accepted, rollback_to and WayBack(rollback_to), self.now)[0]

    def approve(self, proposal: Proposal, subject: str = BOB) -> Approval:
        return self.desk.approve(proposal.id, proposal.digest, self.token(subject), self.now)

    def apply(self, proposal: Proposal) -> Applied:
        return self.desk.apply(proposal.id, None, self.now, lambda change, result: None)

    def later(self, **span: int) -> None:
        self.world.now += timedelta(**span)

    def sql(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def column(self, name: str, proposal: Proposal) -> str:
        with self.engine.begin() as connection:
            found = connection.execute(text(f"SELECT {name} FROM proposals WHERE id = :id"), {"id": proposal.id})
            return str(found.scalar_one())

    @property
    def rules_over_everything(self) -> bool:
        """What every attack wants."""
        return any(key[2] == "admin" for key in self.world.holds(Kind.ROLE_ASSIGNMENT))
