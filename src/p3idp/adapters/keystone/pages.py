"""Keystone's lists to their end. Owns what is asked for, so that none ends early without a word.

Since release 27 (2025.1) domains, groups, projects and users come in pages of at most max_db_limit rows (1,000 unless
set). To who asks for no page Keystone gives the first one alone, with neither ``truncated`` nor a link to the next.
Earlier releases know no pages, pass over what is asked for, and say ``truncated`` where their list_limit cut a list.
Users of one identity provider (``idp_id``) are no such list: they come whole, and a page of them begins anew for ever.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

Row = Mapping[str, Any]
Body = Mapping[str, Any]
MOST_A_PAGE = 10_000
_PAGED = frozenset({"domains", "groups", "projects"})


def whole_list(fetch: Callable[[str], Body], path: str, key: str) -> tuple[list[Row], bool]:
    """All rows of a list, and whether Keystone says that more are missing. ``fetch``: the answer to a path.

    Raises ValueError where a page does not go on from the one before.
    """
    asked = path
    if key in _PAGED:
        asked = f"{path}{'&' if '?' in path else '?'}limit={MOST_A_PAGE}"
    body = fetch(asked)
    found: list[Row] = [*body[key]]
    while _has_more(body, key):
        # From the last row, as the link says. The link itself is wrong in some releases behind a path of their own.
        last, seen = found[-1]["id"], {row["id"] for row in found}
        body = fetch(f"{asked}&marker={quote(last, safe='')}")
        if any(row["id"] in seen for row in body[key]):
            raise ValueError(f"the page of {key} after {last} does not go on from there")
        found += body[key]
    return found, bool(body.get("truncated"))


def _has_more(body: Body, key: str) -> bool:
    return key in _PAGED and bool(body[key]) and bool((body.get("links") or {}).get("next"))
