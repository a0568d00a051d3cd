"""What ops need of the site file's text: look at the policy as it is and as it would be, and change one list in it."""

from typing import Protocol

from p3idp.core.policy.model import Policy


class SiteTextReader(Protocol):
    """Reads the site file, and says what it would be after a change."""

    @property
    def path(self) -> str:
        """Where the file is, below the policy directory."""
        ...

    def text(self) -> bytes:
        """The file. Raises SiteFileOdd, FileUnusable."""
        ...

    def policy(self, site: bytes | None = None) -> Policy:
        """The policy, as if the site file had this content. Raises PolicyInvalid."""
        ...

    def listed(self, text: bytes, provider: str, key: tuple[str, ...], values: tuple[str, ...]) -> bytes:
        """The text with this list at a provider's key, all else as it was. Raises SiteFileOdd."""
        ...


class SiteTextWriter(Protocol):
    """Changes the site file, whole or not at all."""

    def write(self, before: bytes, after: bytes) -> None:
        """Put ``after`` where ``before`` is. Raises SiteFileOdd where it is not ``before`` any more, FileUnusable."""
        ...


class SiteText(SiteTextReader, SiteTextWriter, Protocol):
    """Both."""
