"""One mapping under lint: its rules, its places, and the findings so far.

Owns that no finding says of a login what the imitated engine does not.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from p3idp.core.keystone_rules import Outcome, Search
from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.finding import Finding, Login
from p3idp.core.mappings.lint.proof import Rules, holds
from p3idp.core.mappings.lint.shows import Shows
from p3idp.core.mappings.lint.views import Required, RuleView, compiled
from p3idp.core.mappings.lint.written import Written


class Linted:
    """Collects findings. ``at``: the path of the list of rules within what was written."""

    def __init__(self, written: Written, at: Path, rules: Rules, version: str, search: Search) -> None:
        self.written, self.at, self.rules, self.version, self.search = written, at, rules, version, search
        self.views = [RuleView(number, rule, version, search) for number, rule in enumerate(rules)]
        self.findings: list[Finding] = []
        # Shapes of patterns that proved quick: a policy has one shape for a thousand communities.
        self.quick_shapes: set[str] = set()

    @cached_property
    def all_users(self) -> Sequence[RuleView]:
        """The rules that give a user."""
        return [view for view in self.views if view.user is not None]

    def users_before(self, view: RuleView) -> Sequence[RuleView]:
        """Up to eight rules that give a user to those who match ``view``, the first that count."""
        return [other for other in self.all_users if other.number < view.number][:8]

    def implied(self, view: RuleView, other: RuleView) -> bool:
        """Whether ``other`` surely applies wherever ``view`` does. False where that is not seen at once."""
        return all(any(_implies(mine, theirs) for mine in view.required) for theirs in other.required)

    def joint_login(self, views: Sequence[RuleView]) -> Login | None:
        """A login to which all of these rules apply; None where none could be made up."""
        joined: dict[str, list[str]] = {}
        for view in views:
            for name, text in (view.login or {}).items():
                values = joined.setdefault(name, [])
                values += [value for value in str(text).split(";") if value not in values]
        for login in ({n: ";".join(v) for n, v in joined.items()}, *[view.login for view in views]):
            if login is not None and all(view.reaches(login) for view in views):
                return login
        return None

    def ask(self, rules: Rules, login: Login) -> Outcome | None:
        """What the imitated engine answers to a login under some of the rules."""
        made = compiled(rules, self.version, self.search)
        return made.evaluate(login) if made else None

    def say(
        self,
        code: str,
        view: RuleView,
        path: Path,
        found: str,
        fix: str,
        login: Login | None = None,
        shows: Shows | None = None,
        *,
        about: Sequence[int] = (),
        instead: str = "",
        surely: bool = False,
    ) -> bool:
        """Add a finding where the login shows it; with ``surely`` also where no login could be made up.

        ``about``: the numbers of the rules that the login is shown to, this rule's alone unless given.
        """
        numbers = tuple(about) or (view.number,)
        shown = login is not None and shows is not None and holds(shows, login, numbers, self.rules, self.ask)
        if not shown and not surely:
            return False
        line = self.written.line((*self.at, view.number, *path))
        told = f"rule {view.number}: {found}"
        proof: dict[str, Any] = {"login": login, "shows": shows, "rules": numbers} if shown else {}
        self.findings.append(Finding(code, self.written.file, line, told, fix, instead=instead, **proof))
        return True


def _implies(one: Required, other: Required) -> bool:
    """Whether whoever meets ``one`` meets ``other``."""
    if one.attribute != other.attribute:
        return False
    if not other.is_gate:
        return True
    if one.condition != other.condition or one.regex != other.regex:
        return False
    mine, theirs = set(map(repr, one.entries)), set(map(repr, other.entries))
    return mine <= theirs if one.condition == "any_one_of" else mine >= theirs
