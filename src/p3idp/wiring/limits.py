"""How often the doors let anybody ask: one limiter a process, and what it counts."""

from typing import TYPE_CHECKING

from p3idp.wiring.environment import now
from p3idp.wiring.login import wire_verifier

if TYPE_CHECKING:
    from p3idp.core.policy.model import Policy
    from p3idp.ports.checkin import AccessTokenVerifier
    from p3idp.ports.limits import Limit, Limiter
    from p3idp.settings import Settings


def wire_limiter(settings: "Settings") -> "Limiter":
    """Counts for all doors of a process; keep it for the life of that. Raises SettingsInvalid."""
    from p3idp.adapters.limits import open_limiter

    limits = settings.limits
    password = limits.password.resolve() if limits.password else None
    return open_limiter(limits.storage, password, lambda: now().timestamp())


def sign_in_limit(settings: "Settings") -> "Limit":
    """Requests of one address that begin or end a sign-in."""
    from p3idp.ports.limits import Limit

    return Limit("sign-in", settings.limits.address_per_minute)


def wire_limited_verifier(settings: "Settings", policy: "Policy", limiter: "Limiter") -> "AccessTokenVerifier":
    """The verifier of the doors that take a token from anybody. One for all of them: they count together."""
    from p3idp.ops.token_limits import LimitedVerifier, TokenLimits
    from p3idp.ports.limits import Limit

    limits = settings.limits
    counted = TokenLimits(
        address=Limit("token-address", limits.address_per_minute),
        person=Limit("token-person", limits.person_per_minute),
        bad_token_cost=limits.bad_token_cost,
    )
    return LimitedVerifier(wire_verifier(settings, policy), limiter, counted)
