"""Errors of deciding by two people."""

from p3idp.errors.base import ExitStatus, P3idpError


class SecondPersonNeeded(P3idpError):
    """The plan holds dangers that one person cannot accept."""

    code = "second-person-needed"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Change the policy, or let two people decide: p3idp propose --token-file FILE"


class ProposalUnknown(P3idpError):
    """There is no proposal of this id."""

    code = "proposal-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "`p3idp proposals` lists them."


class ProposalDamaged(P3idpError):
    """What the database holds of a proposal or an approval is not what p3idp put there."""

    code = "proposal-damaged"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Propose again. Somebody wrote to the database, or [approvals] key is another than before: find out which."


class ProposalRefused(P3idpError):
    """A proposal, an approval or its use was not allowed. ``reason`` is a stable word for the ledger and for tests."""

    code = "proposal-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "`p3idp proposals ID` tells who proposed and who approved; site.yaml names who may (`approvers`)."

    def __init__(self, reason: str, detail: str, *, hint: str = "", debug: str = "") -> None:
        super().__init__(detail, hint=hint, debug=debug)
        self.reason = reason
