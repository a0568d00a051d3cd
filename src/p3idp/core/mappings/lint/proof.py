"""Whether an example login shows what a finding says. Owns the asking: of which rules, and with which left out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from p3idp.core.keystone_rules import Outcome
from p3idp.core.mappings.lint.finding import Login
from p3idp.core.mappings.lint.shows import Shown, Shows, is_shown

Rules = Sequence[Mapping[str, Any]]
Ask = Callable[[Rules, Login], Outcome | None]
_COMPARING = (Shown.NO_CHANGE, Shown.LOSES_ROLE)


def holds(shows: Shows, login: Login, about: Sequence[int], rules: Rules, ask: Ask) -> bool:
    """Whether ``ask`` answers to ``login`` what is claimed, of the rules that the claim is about.

    ``about`` are their numbers (none: all). For a claim that compares, the last named is the one left out: the rule
    that adds nothing, or that takes something away.
    """
    numbers = sorted(about) or list(range(len(rules)))
    outcome = ask([rules[number] for number in numbers], login)
    if outcome is None:
        return False
    if shows.what not in _COMPARING:
        return is_shown(shows, outcome)
    return is_shown(shows, outcome, ask([rules[number] for number in numbers if number != about[-1]], login))
