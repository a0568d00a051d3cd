"""A mapping that outgrows Keystone's usual limits is told of before it fails; the configuration makes room for it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from big_policy import texts

from p3idp.adapters.policy_files.texts import policy_from_texts
from p3idp.core.access.large_mapping import large_mapping
from p3idp.core.access.plan import Change, Finding
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.size import MOST_AT_REST, MOST_SENT, at_rest, sent

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RULES = compile_mapping(
    policy := policy_from_texts(texts(60, "https://aai.egi.eu/auth/realms/egi")), policy.site.identity_providers[0], NOW
).rules


def mapping(count: int) -> Resource:
    rules: list[Any] = list(RULES[:count])
    return Resource(Kind.MAPPING, ("p3idp-egi",), {"rules": rules, "schema_version": "2.0"}, "p")


def found(old: int | None, new: int) -> list[Finding]:
    return list(large_mapping([Change(None if old is None else mapping(old), mapping(new))]))


def most(measure: Any, limit: int) -> int:
    """The most rules that pass."""
    return max(count for count in range(len(RULES)) if measure(RULES[:count]) <= limit)


def test_the_first_mapping_that_mariadb_would_not_keep_is_told_of() -> None:
    fits = most(at_rest, MOST_AT_REST)
    assert found(None, fits) == []
    (one,) = found(fits, fits + 1)
    assert (one.name, one.subject, one.blocking, one.acceptable) == ("large-mapping", "p3idp-egi", True, True)
    assert "MEDIUMTEXT" in one.message
    assert "max_request_body_size" not in one.message


def test_the_first_mapping_that_keystone_would_cut_off_is_told_of() -> None:
    fits = most(sent, MOST_SENT)
    (one,) = found(fits, fits + 1)
    assert "max_request_body_size" in one.message
    assert "MEDIUMTEXT" not in one.message  # Keystone holds more than that already


@pytest.mark.parametrize(("old", "new"), [(250, 260), (260, 250), (260, 10)])
def test_who_holds_a_large_mapping_is_told_nothing(old: int, new: int) -> None:
    assert found(old, new) == []


def test_a_first_mapping_may_outgrow_both_at_once() -> None:
    (one,) = found(None, len(RULES))
    assert "max_request_body_size" in one.message
    assert "MEDIUMTEXT" in one.message
