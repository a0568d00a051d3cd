"""Every kind of near miss can be said, on the page and to a help desk."""

import pytest

from p3idp.core.policy.nearness import Nearness
from p3idp.core.policy.sentence import NEARNESS as SAID
from p3idp.web.words import NEARNESS as SHOWN


@pytest.mark.parametrize("words", [SHOWN, SAID], ids=["page", "help desk"])
def test_every_kind_of_near_miss_has_its_words(words):
    assert list(words) == list(Nearness)
    assert len(set(words.values())) == len(Nearness)
