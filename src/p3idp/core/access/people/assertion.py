"""Remembered claims as the attributes that a mapping asks for. Owns that reading, and what stands in for the rest."""

from collections.abc import Mapping
from typing import Any

from p3idp.core.access.people.cloud import Door
from p3idp.core.keystone_rules.schema import CONDITIONS
from p3idp.core.login.remembered import RememberedLogin
from p3idp.core.mappings.assertion import DELIMITER, attributes
from p3idp.core.policy.claims import ambiguity
from p3idp.core.policy.model import ClaimNames

_USUAL = ClaimNames()


class Asserted:
    """Makes the attributes of logins for one door. ``names``: the policy's claims; ``audiences``: what it honours."""

    def __init__(self, door: Door, names: ClaimNames, audiences: tuple[str, ...] = ()) -> None:
        self._door, self._audiences = door, DELIMITER.join(audiences)
        self._of_claim: dict[str, tuple[str, ...]] = {}
        self._entitlements = self._keys(*names.entitlements, *_USUAL.entitlements)
        self._assurance = self._keys(names.assurance, _USUAL.assurance)
        self._subject, self._issuer = self._keys(names.subject), self._keys("iss")
        self._client, self._audience = self._keys("azp", "client_id"), self._keys("aud")
        kept = {*self._entitlements, *self._assurance, *self._subject, *self._issuer, *self._client, *self._audience}
        others = [name for name in door.rules.attributes if name not in kept]
        # An attribute that need only be there (a name, a mail address) was there; who it is of changes no group.
        self._present = tuple(name for name in others if not _is_condition(door, name))
        self.unknown = tuple(sorted(set(others) - set(self._present)))

    def _keys(self, *claims: str) -> tuple[str, ...]:
        asked = set(self._door.rules.attributes)
        return tuple(key for claim in dict.fromkeys(claims) for key in attributes(claim) if key in asked)

    def of(self, login: RememberedLogin) -> Mapping[str, str] | None:
        """The attributes; None where a value would not be read as it stands, or Keystone takes no such issuer."""
        values = (login.subject, login.client, *login.entitlements, *login.assurance)
        if any(map(ambiguity, values)) or (self._door.issuers and login.issuer not in self._door.issuers):
            return None
        told: dict[str, str] = dict.fromkeys((*self._present, *self._subject), login.subject)
        told |= dict.fromkeys(self._issuer, login.issuer)
        told |= dict.fromkeys(self._client, login.client) if login.client else {}
        # Whose tokens are honoured by their audience was verified when the login was remembered.
        told |= dict.fromkeys(self._audience, self._audiences) if self._audiences else {}
        told |= self._held(login)
        return told | (dict.fromkeys(self._assurance, DELIMITER.join(login.assurance)) if login.assurance else {})

    def _held(self, login: RememberedLogin) -> Mapping[str, str]:
        """The entitlements, each under the claim it came by; all of them under a claim of which that is not known."""
        values = dict.fromkeys(self._entitlements, login.entitlements)
        for name, texts in login.by_claim:
            if name not in self._of_claim:
                self._of_claim[name] = self._keys(name)
            values |= dict.fromkeys(self._of_claim[name], texts)
        return {key: DELIMITER.join(texts) for key, texts in values.items() if texts}


def _is_condition(door: Door, attribute: str) -> bool:
    entries: list[Any] = [entry for rule in door.rules.source for entry in rule["remote"]]
    return any(entry["type"] == attribute and any(name in entry for name in CONDITIONS) for entry in entries)
