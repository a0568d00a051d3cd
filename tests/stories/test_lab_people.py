"""Whoever wants a token of the lab's Check-in gets the one that a browser would get."""

import base64
import json

import pytest

from p3idp.errors.lab import LabSignInFailed
from p3idp.lab.handle import LabHandle


def _body(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_a_token_carries_what_check_in_puts_into_one(lab: LabHandle) -> None:
    claims = _body(lab.token("alice"))
    assert claims["iss"] == lab.urls.issuer
    assert claims["azp"] == "p3idp-cli"
    assert claims["typ"] == "Bearer"
    assert not {"aud", "entitlements", "eduperson_entitlement"} & claims.keys()


def test_a_fat_client_gets_audience_and_entitlements(lab: LabHandle) -> None:
    assert {"aud", "entitlements"} <= _body(lab.token("alice", client="fat")).keys()


def test_the_second_provider_has_its_own_issuer(lab: LabHandle) -> None:
    assert _body(lab.token("alice", provider="hub"))["iss"] == lab.urls.hub_issuer


@pytest.mark.parametrize(
    ("user", "client", "says"), [("nobody", "p3idp-cli", "wrong password"), ("alice", "x", "no client x")]
)
def test_an_unknown_person_or_client_is_named(lab: LabHandle, user: str, client: str, says: str) -> None:
    with pytest.raises(LabSignInFailed, match=says):
        lab.token(user, client=client)


def test_a_withdrawn_entitlement_is_gone_until_restored(lab: LabHandle) -> None:
    control = lab.control()
    held = {person["login"]: person["entitlements"] for person in control.people()}["alice"]
    control.withdraw("alice")
    try:
        assert not {person["login"]: person["entitlements"] for person in control.people()}["alice"]
    finally:
        control.restore("alice")
    assert {person["login"]: person["entitlements"] for person in control.people()}["alice"] == held
