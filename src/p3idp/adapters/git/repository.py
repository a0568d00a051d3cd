"""The git repository around a policy directory. Owns finding it, whose it may be, and reading commits and trees of it.

Only objects and references are read: no index, no filter, no hook, no remote. What git would run for a working tree
(fsmonitor, clean filters, textconv, a promisor's fetch) is never asked for, so a repository can name what it likes.
Files are compared by the blob they would be (gitglossary, "blob object").
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import cast

from dulwich.objects import Blob, ObjectID, Tree
from dulwich.objects import Commit as GitCommit
from dulwich.repo import Repo

from p3idp.core.access.commit import Commit, Sought
from p3idp.errors.repository import RepositoryUnreadable

Blobs = Mapping[str, ObjectID]


class GitRepository:
    """Implements ports.repository.PolicyRepository. ``belongs``: whether a file of this name is one of a policy's."""

    def __init__(self, directory: Path, belongs: Callable[[str], bool]) -> None:
        self._directory, self._belongs = directory, belongs

    def commit(self, files: Mapping[str, str]) -> Commit | None:
        """See ports.repository.PolicyRepository."""
        with self._opened() as repository:
            if repository is None or (head := repository.head) is None:
                return None
            committed, written = repository.policy(head), repository.blobs(files)
        if not committed:
            return None
        names = sorted({*committed, *written})
        return Commit(head.decode(), tuple(name for name in names if committed.get(name) != written.get(name)))

    def seek(self, start: str, wanted: str, files: Mapping[str, str]) -> Sought:
        """See ports.repository.PolicyRepository."""
        with self._opened() as repository:
            if repository is None:
                return Sought(follows=False, start=False, wanted=False)
            first, other = ObjectID(start.encode()), ObjectID(wanted.encode())
            begins = repository.has(first)
            follows = begins and repository.follows(first, other, repository.blobs(files))
            return Sought(follows, begins, repository.has(other), repository.shallow)

    @contextmanager
    def _opened(self) -> "Iterator[_Opened | None]":
        """The repository, None where there is none. Whatever is wrong with it ends here, in one error."""
        try:
            directory = self._directory.resolve()
            root = next((each for each in (directory, *directory.parents) if (each / ".git").exists()), None)
            if root is None:
                yield None
                return
            self._refuse_strangers(root, directory)
            with Repo(root, bare=False) as repo:
                yield _Opened(repo, directory.relative_to(root).parts, self._belongs)
        except RepositoryUnreadable:
            raise
        # A damaged repository fails in dulwich in as many ways as there are of damaging one.
        except Exception as exc:
            told = f"The git repository around {self._directory} cannot be read ({type(exc).__name__})."
            raise RepositoryUnreadable(told, debug=str(exc)) from exc

    def _refuse_strangers(self, root: Path, directory: Path) -> None:
        """Somebody may have made one in a directory above that is open to all, such as /tmp."""
        owner = (root / ".git").lstat().st_uid
        if owner not in (0, os.geteuid(), directory.stat().st_uid):
            told = f"The git repository in {root} belongs to another user than the policy, so it is not believed."
            raise RepositoryUnreadable(told, hint="Let one user own both, or move the policy directory.")


class _Opened:
    """A repository that is open, and where in it the policy is."""

    def __init__(self, repo: Repo, place: tuple[str, ...], belongs: Callable[[str], bool]) -> None:
        self._repo, self._place, self._belongs = repo, place, belongs

    @property
    def head(self) -> ObjectID | None:
        """The commit that is checked out; None before the first."""
        try:
            return self._repo.head()
        except KeyError:
            return None

    @property
    def shallow(self) -> bool:
        """Whether older history was left out."""
        return bool(self._repo.get_shallow())

    def has(self, commit: ObjectID) -> bool:
        """Whether there is such a commit."""
        return commit in self._repo.object_store and isinstance(self._repo[commit], GitCommit)

    def policy(self, commit: ObjectID) -> Blobs:
        """The policy's files in a commit."""
        return self._blobs(self._tree(cast("GitCommit", self._repo[commit])))

    def blobs(self, files: Mapping[str, str]) -> Blobs:
        """What these files would be in it."""
        kind = self._repo.object_format  # repositories of SHA-256 name them otherwise
        return {name: ObjectID(Blob.from_string(text.encode()).get_id(kind)) for name, text in files.items()}

    def follows(self, start: ObjectID, wanted: ObjectID, files: Blobs) -> bool:
        """Whether ``wanted``, or a policy of these files, is in the history of ``start``."""
        seen: set[ObjectID | None] = set()
        for entry in self._repo.get_walker(include=[start]):
            if entry.commit.id == wanted:
                return True
            tree = self._tree(entry.commit)
            if tree not in seen and self._blobs(tree) == files:
                return True
            seen.add(tree)
        return False

    def _tree(self, commit: GitCommit) -> ObjectID | None:
        """The tree of the policy directory."""
        found: ObjectID | None = commit.tree
        for part in self._place:
            entries = self._entries(found) if found else {}
            mode, found = entries.get(part, (0, None))
            found = found if S_ISDIR(mode) else None
        return found

    def _blobs(self, tree: ObjectID | None) -> Blobs:
        found: dict[str, ObjectID] = {}
        for name, (mode, each) in self._entries(tree).items() if tree else ():
            inside = {f"{name}/{inner}": entry for inner, entry in self._entries(each).items()} if S_ISDIR(mode) else {}
            for path, (kind, blob) in {name: (mode, each), **inside}.items():
                if S_ISREG(kind) and self._belongs(path):
                    found[path] = blob
        return found

    def _entries(self, tree: ObjectID) -> Mapping[str, tuple[int, ObjectID]]:
        entries = cast("Tree", self._repo[tree]).items()
        return {os.fsdecode(entry.path): (entry.mode, entry.sha) for entry in entries}
