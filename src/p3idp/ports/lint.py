"""What lint needs of the outside: something to read, and the names that Keystone knows."""

from typing import Protocol

from p3idp.core.mappings.lint import Live, Written
from p3idp.core.policy.model import Policy
from p3idp.core.policy.vo_catalogue import Catalogue

Source = Policy | Catalogue | Written


class SourceReader(Protocol):
    """Reads what a path names, whatever of the three it is."""

    def __call__(self, path: str) -> Source:
        """Raises PolicyInvalid, CatalogueInvalid, JsonMistaken, each with every place it knows; and OSError."""
        ...


class NamesReader(Protocol):
    """Lists names, and can do nothing else."""

    def names(self) -> Live:
        """All that a mapping may name. Raises KeystoneUnreachable, KeystoneRefusedCredentials, KeystoneForbids."""
        ...
