"""Long lists of Keystone, by release: one with pages, one that knows none, one that cuts short."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from p3idp.adapters.keystone.pages import whole_list

ROWS = [{"id": f"{number:04}", "name": f"n {number}"} for number in range(2_500)]


def paging(most: int, rows: list[dict[str, str]], asked: list[str]) -> Callable[[str], Mapping[str, Any]]:
    """Keystone since 27: at most ``most`` rows, and a link only where a page was asked for and came out full."""

    def answer(path: str) -> Mapping[str, Any]:
        asked.append(path)
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        left = [row for row in rows if row["id"] > query.get("marker", "")]
        page = left[: min(most, int(query.get("limit", most)))]
        full = "limit" in query and len(page) >= min(most, int(query["limit"]))
        cut = {"truncated": True} if full else {}
        return {"groups": page, "links": {"next": "https://elsewhere/?marker=wrong" if full else None}, **cut}

    return answer


@pytest.mark.parametrize("number", [0, 1, 999, 1_000, 1_001, 2_000, 2_500])
def test_every_row_comes_once_and_nothing_is_missing(number: int) -> None:
    asked: list[str] = []
    assert whole_list(paging(1_000, ROWS[:number], asked), "/groups?domain_id=d", "groups") == (ROWS[:number], False)
    assert len(asked) == number // 1_000 + 1
    assert all("limit=" in path and path.startswith("/groups?domain_id=d&") for path in asked)


def test_who_asks_for_no_page_is_not_told_of_more() -> None:
    """Why a page is asked for: the stand-in of this test behaves as Keystone 30 was seen to."""
    answer = paging(1_000, ROWS, [])("/groups")
    assert (len(answer["groups"]), answer["links"]["next"], answer.get("truncated")) == (1_000, None, None)


def test_an_earlier_keystone_says_what_it_cut() -> None:
    body = {"groups": ROWS[:10], "links": {"next": None}, "truncated": True}
    assert whole_list(lambda path: body, "/groups", "groups") == (ROWS[:10], True)
    assert whole_list(lambda path: {"groups": ROWS}, "/groups", "groups") == (ROWS, False)


def test_a_page_that_begins_anew_ends_the_reading() -> None:
    """Keystone 30 does so with users of an identity provider, which are therefore asked for without pages."""
    answer = paging(1_000, ROWS, [])
    with pytest.raises(ValueError, match="does not go on"):
        whole_list(lambda path: answer(path.partition("&marker")[0]), "/groups", "groups")


def test_a_list_without_pages_is_asked_for_as_it_is() -> None:
    asked: list[str] = []

    def answer(path: str) -> Mapping[str, Any]:
        asked.append(path)
        return {"roles": ROWS, "users": ROWS, "links": {"next": "somewhere"}}

    assert whole_list(answer, "/roles", "roles") == (ROWS, False)
    assert whole_list(answer, "/users?idp_id=egi", "users") == (ROWS, False)
    assert asked == ["/roles", "/users?idp_id=egi"]
