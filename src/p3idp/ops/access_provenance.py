"""Ask the repository where a policy comes from, and whether that follows what was applied last. Owns that question."""

from p3idp.core.access.commit import NOWHERE, Commit, Provenance
from p3idp.core.access.history import Entry
from p3idp.core.policy.model import Policy
from p3idp.errors.repository import RepositoryUnreadable
from p3idp.ports.repository import PolicyRepository


def provenance_of(
    policy: Policy, newest: Entry | None, repository: PolicyRepository | None, commit: Commit | None = None
) -> Provenance:
    """Where a policy comes from. ``commit``: its own, where that is not the one that is checked out.

    It is held against the newest apply here, however that ended: also a run that failed has changed something.
    """
    if repository is None:
        return NOWHERE
    before = newest.begun.commit if newest else None
    last = (newest.number, before) if newest and before else None
    try:
        commit = commit or repository.commit(policy.texts)
        if commit is None or newest is None or before is None:
            return Provenance(commit, last=last)
        sought = repository.seek(commit.id, before.id, newest.begun.files)
    except RepositoryUnreadable as exc:
        return Provenance(unread=exc.detail, last=last)
    return Provenance(commit, "", last, sought)
