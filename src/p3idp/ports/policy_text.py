"""What ops need of the policy's text: look at it as it is and as it would be, and change one community's file."""

from collections.abc import Collection, Mapping
from typing import Protocol

from p3idp.core.policy.model import Community, NamedPerson, Policy, Site, Suspension


class PolicyReader(Protocol):
    """Reads the policy's text, and says what it would be after a change."""

    def policy(self, instead: Mapping[str, bytes | None]) -> Policy:
        """The policy, as if these communities' files had this content, or were gone. Raises PolicyInvalid."""
        ...

    def site(self) -> Site:
        """The site alone, also where there is no community yet. Raises PolicyInvalid."""
        ...

    def names(self) -> tuple[str, ...]:
        """The communities that have a file, sorted."""
        ...

    def path(self, name: str) -> str:
        """Where a community's file is or would be, below the policy directory."""
        ...

    def text(self, name: str) -> bytes:
        """A community's file. Raises CommunityUnknown, CommunityFileOdd, FileUnusable."""
        ...

    def composed(self, community: Community, site: Site) -> bytes:
        """A community as a file."""
        ...

    def suspended(self, name: str, text: bytes, stopped: Suspension | None) -> bytes:
        """The text with this suspension or without any, all else as it was. Raises CommunityFileOdd."""
        ...

    def with_person(self, name: str, text: bytes, person: NamedPerson) -> bytes:
        """The text with somebody more who is named, all else as it was. Raises CommunityFileOdd."""
        ...

    def without_people(self, name: str, text: bytes, gone: Collection[int]) -> bytes:
        """The text without these of the people it names, counted from 0. Raises CommunityFileOdd."""
        ...


class PolicyWriter(Protocol):
    """Changes one community's file, whole or not at all."""

    def write(self, name: str, before: bytes | None, after: bytes | None) -> None:
        """Put ``after`` where ``before`` is; None stands for no file.

        Raises CommunityExists, CommunityFileOdd where it is not ``before`` any more, FileUnusable.
        """
        ...


class PolicyText(PolicyReader, PolicyWriter, Protocol):
    """Both."""
