"""The numbers and names that trust in tokens rests on, spelled out even where a library agrees today.

Owns the values; the rules that apply them stand beside it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, sizes in characters.

    ``algorithms``: RS256 is what Check-in signs with; PS256 and ES256 are what RFC 9068 providers move to.
    All three are asymmetric and hash with SHA-256, which is what at_hash then uses (OIDC Core 3.1.3.6).
    """

    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")
    leeway: int = 10
    lifetime: int = 24 * 3600
    id_token_age: int = 600
    latest_moment: int = 253_402_300_799  # the end of the year 9999; beyond it datetime has no value
    token_size: int = 16 * 1024
    header_size: int = 2 * 1024
    depth: int = 8
    subject_size: int = 255
    name_size: int = 255
    values: int = 1000
    value_size: int = 2048


LIMITS = Limits()
