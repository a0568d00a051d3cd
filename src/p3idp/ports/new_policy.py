"""What an import needs of policy directories: the text of a new one, reading it back, and writing it once."""

from collections.abc import Mapping
from typing import Protocol

from p3idp.core.policy.model import Policy

Files = Mapping[str, str]


class PolicyDraft(Protocol):
    """Policies as text, and back."""

    def render(self, policy: Policy) -> Files:
        """The files of a directory by their names; a rule without grants asks to be filled in."""
        ...

    def load(self, files: Files) -> Policy:
        """What the loader makes of these files. Raises PolicyInvalid."""
        ...

    def write(self, target: str, files: Files) -> None:
        """Write them into a directory that is not there yet, or empty. Raises DirectoryNotEmpty, and OSError."""
        ...
