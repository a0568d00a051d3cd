"""What Keystone sees of a login's claims."""

import pytest

from p3idp.core.mappings.assertion import assertion
from p3idp.errors.policy import ClaimsInvalid


def test_a_list_becomes_one_text_as_mod_auth_openidc_makes_it():
    claims = {"sub": "a@egi.eu", "entitlements": ["urn:x", "urn:y"], "exp": 5, "address": {"country": "EU"}, "odd": [1]}
    assert assertion(claims) == {"OIDC-sub": "a@egi.eu", "OIDC-entitlements": "urn:x;urn:y"}


def test_an_empty_list_is_an_empty_value_not_an_absent_one():
    assert assertion({"entitlements": []}) == {"OIDC-entitlements": ""}


def test_a_value_of_a_megabyte_is_refused():
    with pytest.raises(ClaimsInvalid, match="more than 2,048 are refused"):
        assertion({"entitlements": "x" * 1_000_000})
