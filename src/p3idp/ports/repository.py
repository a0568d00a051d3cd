"""What ops need of the repository that holds the policy: which commit it is at, and what that follows. Read only."""

from collections.abc import Mapping
from typing import Protocol

from p3idp.core.access.commit import Commit, Sought


class PolicyRepository(Protocol):
    """The repository around the policy directory."""

    def commit(self, files: Mapping[str, str]) -> Commit | None:
        """The commit that is checked out, with which of the policy's files differ from it.

        None where there is no repository, or its commit holds nothing of the policy. Raises RepositoryUnreadable.
        """
        ...

    def seek(self, start: str, wanted: str, files: Mapping[str, str]) -> Sought:
        """Whether ``start`` is the commit ``wanted`` or one after it; or one at, or after, a policy of these files.

        Raises RepositoryUnreadable.
        """
        ...
