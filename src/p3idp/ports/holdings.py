"""What ops need to know of what somebody holds at Keystone and would lose with their user, and until when."""

from collections.abc import Sequence
from typing import Protocol

from p3idp.core.credentials.held import ApplicationCredential, GivenRole, Holdings, Membership

__all__ = ["ApplicationCredential", "CredentialReader", "GivenRole", "Holdings", "HoldingsReader", "Membership"]


class CredentialReader(Protocol):
    """Asks about one user by id, and can do nothing else; several threads may ask at once.

    A user that is not there has nothing. Everything raises KeystoneUnreachable, KeystoneForbids.
    """

    def credentials(self, user: str) -> Sequence[ApplicationCredential]:
        """The application credentials of a user, also those that ended, by name: one call
        (GET /v3/users/{id}/application_credentials)."""
        ...

    def given_roles(self, user: str) -> Sequence[GivenRole]:
        """What a user has on projects now, by Keystone's own reckoning, sorted: two calls
        (GET /v3/role_assignments?effective, and the groups)."""
        ...


class HoldingsReader(CredentialReader, Protocol):
    """The same, and what else a user has."""

    def memberships(self, user: str) -> Sequence[Membership]:
        """The groups that a user is in now, with the end of each, by group: one call (GET /v3/users/{id}/groups).

        What has lapsed is not in it: Keystone shows it nobody."""
        ...

    def holdings(self, user: str) -> Holdings:
        """What the user holds: three calls."""
        ...
