"""Where mapping rules run that need more than arithmetic: patterns that no check could prove harmless."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3idp.ports.regex import Search


def wire_search() -> "Search":
    """Runs patterns in a process of their own, which is ended when its time is over."""
    from p3idp.adapters.regex_worker import RegexWorker

    return RegexWorker()
