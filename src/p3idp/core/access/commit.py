"""The commit that a policy was read at, and whether it follows what was applied last. Owns the findings about both.

An older checkout would take back, unseen, what a colleague applied from a newer one. It follows what was applied where
its history holds that commit, or one with the same policy: a merge that squashes or rebases keeps the text and not the
commit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from p3idp.core.access.plan import Finding
from p3idp.core.audit.event import Json

STALE = "stale-checkout"
UNCOMMITTED = "uncommitted-policy"
WITHOUT = "policy-without-commit"
_SHOWN = 3  # names of files in a finding; the history has them all


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the repository that holds the policy. ``changed``: files that are not as it has them, by name."""

    id: str
    changed: tuple[str, ...] = ()

    def as_json(self) -> Mapping[str, Json]:
        """The commit for machines, for the ledger and the history."""
        return {"id": self.id, "changed": list(self.changed)}

    def __str__(self) -> str:
        return f"{self.id[:12]} with {listed(self.changed)} changed since" if self.changed else self.id[:12]


@dataclass(frozen=True, slots=True)
class Sought:
    """What a repository says of two commits. ``follows``: the second, or the same text, is the first or comes before.

    ``start``, ``wanted``: whether the repository has each. ``shallow``: whether it lacks older history.
    """

    follows: bool
    start: bool = True
    wanted: bool = True
    shallow: bool = False


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a policy comes from. ``commit``: None where it is in none; ``unread``: why that could not be told.

    ``last``: number and commit of the apply before it, where that had one; ``sought``: how the two commits relate.
    """

    commit: Commit | None = None
    unread: str = ""
    last: tuple[int, Commit] | None = None
    sought: Sought | None = None


NOWHERE = Provenance()


def provenance_findings(provenance: Provenance) -> Iterator[Finding]:
    """What is to be said of where a policy comes from. A stale one is accepted by nobody: `rollback` goes back."""
    commit, last = provenance.commit, provenance.last
    if commit is None:
        if last is not None or provenance.unread:
            why = provenance.unread or "The policy directory is in no git repository, or not committed there."
            before = f" Apply {last[0]} was made from {last[1].id[:12]}." if last else ""
            told = f"{why}{before} Which policy is applied cannot be looked up there, nor whether it is the newest."
            yield Finding(WITHOUT, "policy", told)
        return
    if commit.changed:
        told = (
            f"{listed(commit.changed)} differ from the commit {commit.id[:12]}: commit them, so that others see them."
        )
        yield Finding(UNCOMMITTED, "policy", told)
    if last is not None and provenance.sought is not None and not provenance.sought.follows:
        yield Finding(STALE, "policy", _stale(commit, last, provenance.sought), acceptable=False)


def _stale(commit: Commit, last: tuple[int, Commit], sought: Sought) -> str:
    number, wanted = last
    told = f"Apply {number} was made from {wanted.id[:12]}, which {commit.id[:12]} does not follow: "
    if not sought.start:
        return f"{told}this repository has no {commit.id[:12]}."
    if sought.wanted:
        return f"{told}what was applied would be taken back."
    shallow = " It is a shallow clone, and may just lack the history." if sought.shallow else ""
    return f"{told}this repository does not have it.{shallow}"


def listed(names: Sequence[str]) -> str:
    """A few of them, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more files" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
