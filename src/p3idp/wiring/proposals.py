"""Deciding by two people: access, the sealed proposals, and who signs in."""

from typing import TYPE_CHECKING

from p3idp.errors.settings import SettingsInvalid
from p3idp.wiring.access import database, wire_access
from p3idp.wiring.environment import new_token
from p3idp.wiring.login import wire_verifier

if TYPE_CHECKING:
    from p3idp.core.policy.model import Site
    from p3idp.ops.proposals import ProposalDesk
    from p3idp.ports.checkin import AccessTokenVerifier
    from p3idp.ports.proposals import Proposals
    from p3idp.settings import Settings

_SETTING = "approvals.key"


def wire_proposals(settings: "Settings") -> "ProposalDesk":
    """Propose, approve, and apply what was approved. Raises SettingsInvalid where there is no key to seal it with."""
    from datetime import timedelta
    from functools import cache

    from p3idp.core.policy.model import Policy
    from p3idp.ops.proposals import ProposalDesk

    approvals = settings.approvals

    def verifier(site: "Site", environment: str) -> "AccessTokenVerifier":
        there = settings.at(environment) if environment in settings.environments else settings
        return wire_verifier(there, Policy(site, ()))

    return ProposalDesk(
        access=wire_access(settings),
        proposals=cache(lambda: _store(settings)),
        verifier=verifier,
        valid=timedelta(hours=approvals.valid_hours),
        token_age=timedelta(minutes=approvals.token_max_age_minutes),
        new_token=new_token,
    )


def _store(settings: "Settings") -> "Proposals":
    from p3idp.adapters.seal import FernetSeal
    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.proposals import StoredProposals

    if settings.approvals.key is None:
        told = "Two people can decide only where proposals are sealed: [approvals] key is missing in the settings."
        raise SettingsInvalid(told, hint="Make a Fernet key, keep it in a file of its own, and refer to it there.")
    keys = settings.approvals.key.resolve()
    proposals, approvals = (FernetSeal(keys, purpose, _SETTING) for purpose in ("proposal", "approval"))
    return StoredProposals(open_store(*database(settings)), proposals, approvals)
