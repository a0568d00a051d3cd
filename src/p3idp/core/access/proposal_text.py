"""Proposals and approvals as text and back. Owns the one form in which they are kept."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from p3idp.core.access.proposal import Approval, Person, Proposal
from p3idp.core.access.way_back import way_back
from p3idp.core.audit.event import Json
from p3idp.core.policy.model import ProviderId

FORM = 1  # raise it when the shape changes: an older one is proposed again


def proposal_to_text(proposal: Proposal) -> str:
    """A proposal, whole."""
    return json.dumps({**proposal_as_json(proposal), "form": FORM, "plan": proposal.plan}, ensure_ascii=False)


def proposal_as_json(proposal: Proposal) -> Mapping[str, Json]:
    """A proposal for machines, without its plan."""
    return {
        "id": proposal.id,
        "digest": proposal.digest,
        "policy_digest": proposal.policy_digest,
        "rollback_to": proposal.rollback_to.as_json() if proposal.rollback_to else None,
        "accepted": list(proposal.accepted),
        "proposer": proposal.proposer.as_json(),
        "at": proposal.at.isoformat(),
        "until": proposal.until.isoformat(),
        "record": proposal.record,
    }


def proposal_from_text(text: bytes | str) -> Proposal:
    """Read it again. Raises ValueError, KeyError or TypeError where it is none."""
    row = _parsed(text)
    return Proposal(
        **{name: row[name] for name in ("id", "digest", "policy_digest", "record", "plan")},
        rollback_to=way_back(row["rollback_to"]),
        accepted=tuple(row["accepted"]),
        proposer=_person(row["proposer"]),
        at=datetime.fromisoformat(row["at"]),
        until=datetime.fromisoformat(row["until"]),
    )


def approval_to_text(approval: Approval) -> str:
    """An approval, whole."""
    return json.dumps({**approval_as_json(approval), "form": FORM}, ensure_ascii=False)


def approval_as_json(approval: Approval) -> Mapping[str, Json]:
    """An approval for machines."""
    return {
        "proposal": approval.proposal,
        "digest": approval.digest,
        "approver": approval.approver.as_json(),
        "at": approval.at.isoformat(),
        "record": approval.record,
    }


def approval_from_text(text: bytes | str) -> Approval:
    """Read it again. Raises ValueError, KeyError or TypeError where it is none."""
    row = _parsed(text)
    named = {name: row[name] for name in ("proposal", "digest", "record")}
    return Approval(**named, approver=_person(row["approver"]), at=datetime.fromisoformat(row["at"]))


def _parsed(text: bytes | str) -> Any:
    row = json.loads(text)
    if not isinstance(row, dict) or row.get("form") != FORM:
        raise ValueError("another form")
    return row


def _person(row: Any) -> Person:
    return Person(ProviderId(row["provider"]), row["subject"], row["issuer"], row["entitlement"])
