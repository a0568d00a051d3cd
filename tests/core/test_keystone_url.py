"""Keystone's address: one spelling for one address, since locks, history and approvers go by it."""

import pytest

from p3idp.core.keystone_url import v3_url

WHOLE = "https://keystone.test/v3"
SPELLINGS = {
    "https://keystone.test": WHOLE,
    "https://keystone.test/": WHOLE,
    "https://keystone.test/v3/": WHOLE,
    "HTTPS://Keystone.TEST:443//v3": WHOLE,
    "http://keystone.test:80/": "http://keystone.test/v3",
    "https://keystone.test:5000/identity//v3": "https://keystone.test:5000/identity/v3",
    "https://keystone.test/Identity": "https://keystone.test/Identity/v3",
    "https://[::1]:5000": "https://[::1]:5000/v3",
    "https://keystone.test:port": "https://keystone.test:port/v3",
}


@pytest.mark.parametrize(("written", "meant"), SPELLINGS.items())
def test_an_address_has_one_spelling(written: str, meant: str) -> None:
    assert v3_url(written) == v3_url(meant) == meant


@pytest.mark.parametrize("text", ["keystone", "https://["])
def test_what_is_no_address_stays_what_it_is(text: str) -> None:
    assert v3_url(text) == text
