"""A secret stays hidden wherever a value may be shown by accident."""

import copy
import json
import pickle

import pytest

from p3idp.core.secret import Secret

CANARY = "canary-4711"


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{:>20}".format, lambda s: f"{s!r:>9}", lambda s: repr([s])],
)  # fmt: skip
def test_secret_is_not_shown(show):
    assert CANARY not in show(Secret(CANARY))


@pytest.mark.parametrize("dump", [pickle.dumps, json.dumps, copy.deepcopy])
def test_secret_is_not_serialised(dump):
    with pytest.raises(TypeError):
        dump(Secret(CANARY))


def test_secret_is_revealed_on_purpose_only():
    assert Secret(CANARY).reveal() == CANARY
