"""Lines that fit the terminal: cut, or wrapped. Strangers' text in them is harmless."""

import shutil
import textwrap
from collections.abc import Iterator

import click

from p3idp.cli.terminal import harmless


def width() -> int:
    """How many characters a line may have."""
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def fit(text: str) -> str:
    """The text in one line, cut where it is wider than the terminal; --json has everything."""
    most, text = width(), harmless(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def wrapped(text: str, colour: str | None, indent: int = 2) -> Iterator[str]:
    """A text in as many lines as it needs."""
    margin = " " * indent
    for line in textwrap.wrap(
        harmless(text), width(), initial_indent=margin, subsequent_indent=margin + "  ", break_on_hyphens=False
    ):
        yield click.style(line, fg=colour)
