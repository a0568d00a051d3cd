"""One virtual host of Apache as the module sees it. Owns which directives are in force there, and for whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from p3idp.core.policy.model import IdentityProvider
from p3idp.core.site.apache_text import Directive
from p3idp.core.site.versions import ModuleVersion, Understands, understands


@dataclass(frozen=True, slots=True)
class Server:
    """The directives in force for one virtual host, and the provider whose sign-ins it serves."""

    directives: tuple[Directive, ...]
    provider: IdentityProvider
    module: ModuleVersion | None

    @property
    def can(self) -> Understands | None:
        """What the module understands, where its version is known."""
        return understands(self.module) if self.module else None

    def all(self, name: str) -> tuple[Directive, ...]:
        """Every directive of this name, in order."""
        return tuple(d for d in self.directives if d.key == name.lower())

    def last(self, name: str) -> Directive | None:
        """The one that holds: the last."""
        found = self.all(name)
        return found[-1] if found else None

    def value(self, name: str, default: str = "") -> str:
        """Its first argument, or what the module takes without one."""
        found = self.last(name)
        return found.arguments[0] if found and found.arguments else default

    @property
    def bearer_locations(self) -> frozenset[str]:
        """The paths that take access tokens."""
        kinds = (("oauth20",), ("auth-openidc",))
        return frozenset(d.location for d in self.all("AuthType") if d.arguments[:1] in kinds)


def server_of(
    provider: IdentityProvider, directives: Sequence[Directive], module: ModuleVersion | None
) -> Server | None:
    """The virtual host that serves this provider, with what it inherits; None without one."""
    for directive in directives:
        if (_takes_tokens if provider.by_keys else _signs_in)(directive, provider):
            inherited = tuple(d for d in directives if d.host in ("", directive.host))
            return Server(inherited, provider, module)
    return None


def _signs_in(directive: Directive, provider: IdentityProvider) -> bool:
    """Whether this is the metadata address of the provider."""
    is_metadata = directive.key == "oidcprovidermetadataurl" and bool(directive.arguments)
    return is_metadata and any(directive.arguments[0].startswith(f"{issuer}/") for issuer in provider.issuers)


def _takes_tokens(directive: Directive, provider: IdentityProvider) -> bool:
    """Whether this opens the provider's door for tokens."""
    is_open = directive.key == "authtype" and directive.arguments[:1] == ("oauth20",)
    return is_open and f"/identity_providers/{provider.id}/protocols/" in directive.location
