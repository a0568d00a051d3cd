"""Patterns that bar people: open ones shut innocents out. Owns which, and an innocent value.

Nothing tighter is proposed: it could let in whom the pattern is there to stop.
"""

from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.pattern_repair import as_json
from p3idp.core.mappings.lint.pattern_shape import core, is_open_at_end, is_open_at_start, is_wide
from p3idp.core.mappings.lint.samples import parsed, sample
from p3idp.core.mappings.lint.searched import found_in
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import RuleView

_FIX = (
    'If single values are meant, list them without "regex". If everything that holds it is to be barred, leave it: '
    "anchored, it would let in whom it stops"
)


def check_exclusions(linted: Linted, view: RuleView) -> None:
    """Look at the patterns of ``not_any_of``: who would get in but for one more value that is none of those meant."""
    for required in view.required:
        if required.condition != "not_any_of" or not required.regex or view.login is None:
            continue
        for place, pattern in enumerate(required.entries):
            innocent = innocent_value(pattern) if isinstance(pattern, str) else None
            if innocent is not None:
                held = f"{view.login[required.attribute]};{innocent}"
                told = f"the pattern {as_json(pattern)} bars {innocent} too"
                login, path = {**view.login, required.attribute: held}, (*required.path, place)
                linted.say("exclusion-open", view, path, told, _FIX, login, Shows(Shown.NOBODY))


def innocent_value(pattern: str) -> str | None:
    """A longer name that an open pattern is found in; None where ``.*`` or a sign at its end tells of more."""
    tree, meant = parsed(pattern), sample(pattern)
    if tree is None or not meant or ";" in meant or not core(tree):
        return None
    longer: list[str] = []
    if meant[-1].isalnum() and is_open_at_end(tree) and not is_wide(*tree[-1]):
        longer.append(f"{meant}-friends.example.org")
    if meant[0].isalnum() and is_open_at_start(tree) and not is_wide(*tree[0]) and not meant.startswith("urn:"):
        longer.append(f"un{meant}")
    return next((each for each in longer if found_in(pattern, each)), None)
