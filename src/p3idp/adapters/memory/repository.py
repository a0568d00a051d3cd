"""A repository in memory: commits with their policy files. Owns nothing but the keeping."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from p3idp.core.access.commit import Commit, Sought


@dataclass(slots=True)
class MemoryRepository:
    """Commits by id: their parents and files. ``head`` is the one that is checked out, None before the first."""

    head: str | None = None
    commits: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = field(default_factory=dict)

    def make(self, files: Mapping[str, str], parents: Sequence[str] | None = None) -> str:
        """Commit these files on the head, or on other parents, and check it out."""
        above = tuple(parents if parents is not None else [self.head] if self.head else [])
        name = hashlib.sha1(repr((above, sorted(files.items()))).encode(), usedforsecurity=False).hexdigest()
        self.commits[name], self.head = (above, dict(files)), name
        return name

    def commit(self, files: Mapping[str, str]) -> Commit | None:
        """See ports.repository.PolicyRepository."""
        if self.head is None or not (committed := self.commits[self.head][1]):
            return None
        names = sorted({*committed, *files})
        return Commit(self.head, tuple(name for name in names if committed.get(name) != files.get(name)))

    def seek(self, start: str, wanted: str, files: Mapping[str, str]) -> Sought:
        """See ports.repository.PolicyRepository."""
        follows = any(name == wanted or self.commits[name][1] == files for name in self._history(start))
        missing = any(parent not in self.commits for above, _ in self.commits.values() for parent in above)
        return Sought(follows, start in self.commits, wanted in self.commits, missing)

    def _history(self, start: str) -> Iterator[str]:
        waiting, seen = [start], set[str]()
        while waiting:
            name = waiting.pop()
            if name in self.commits and name not in seen:
                yield name
                waiting += self.commits[name][0]
            seen.add(name)
