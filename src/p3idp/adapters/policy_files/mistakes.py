"""Where mistakes of one file gather, so that all of them are told at once."""

from dataclasses import dataclass, field

from p3idp.adapters.policy_files.nodes import Document, Path
from p3idp.errors.policy import Place


@dataclass(slots=True)
class Mistakes:
    """The mistakes of one file, each at its line."""

    document: Document
    places: list[Place] = field(default_factory=list)

    def add(self, path: Path, message: str) -> None:
        """Note a mistake at a path."""
        self.places.append(self.document.place(path, message))

    def place(self, path: Path) -> tuple[str, int]:
        """(file, line) of a path, for values that remember where they came from."""
        return self.document.file, self.document.line(path)
