"""What an export needs of files: YAML as its tools read it, and a directory that is written once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol


class ExportFiles(Protocol):
    """Files for other tools."""

    def yaml(self, head: Sequence[str], content: object) -> str:
        """A YAML file below these comments; text that looks like Jinja is marked as data, an Expression is not."""
        ...

    def write(self, target: str, files: Mapping[str, str], programs: Collection[str] = ()) -> None:
        """Write a new directory, whole or not at all; ``programs`` may be executed. Raises TargetExists, OSError."""
        ...
