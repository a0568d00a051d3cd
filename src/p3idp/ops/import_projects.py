"""Take over a file for os-projects as drafts of communities. Owns that nothing but drafts comes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from p3idp.core.os_projects import Dropped, FoundProject, OsProjects
from p3idp.ports.export import ExportFiles

Read = Callable[[bytes], OsProjects]
Draft = Callable[[Sequence[FoundProject]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ProjectsImported:
    """The drafts by file name, how many projects and people they are of, and what no policy says."""

    files: Mapping[str, str]
    projects: int
    people: int
    dropped: Sequence[Dropped]


@dataclass(frozen=True, slots=True)
class ProjectsImport:
    """Imports, with the outside handed in."""

    read: Read
    draft: Draft
    files: ExportFiles

    def run(self, raw: bytes) -> ProjectsImported:
        """The drafts for a file; nothing is written. Raises ImportUnreadable."""
        found = self.read(raw)
        people = {person.name for project in found.projects for person in project.people}
        return ProjectsImported(self.draft(found.projects), len(found.projects), len(people), found.dropped)

    def write(self, imported: ProjectsImported, target: str) -> None:
        """Write a new directory. Raises TargetExists, OSError."""
        self.files.write(target, imported.files)
