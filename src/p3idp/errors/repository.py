"""Errors of the repository that holds the policy."""

from p3idp.errors.base import ExitStatus, P3idpError


class StaleCheckout(P3idpError):
    """The policy comes from a commit that does not follow the one applied last; applying would take that back."""

    code = "stale-checkout"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = (
        "Bring the checkout up to date (git pull; git fetch --unshallow in a shallow clone) and plan again. To go back "
        "on purpose: p3idp rollback NUMBER. Where its history is lost, commit what was applied first: p3idp history "
        "restore-policy NUMBER DIRECTORY."
    )


class RepositoryUnreadable(P3idpError):
    """The git repository around the policy directory cannot be read."""

    code = "repository-unreadable"
    exit_status = ExitStatus.ERROR
    hint = "`git fsck` in the policy directory says more; a fresh clone helps."
