"""Words of strangers, made fit for a sentence. Owns what of a claim's value people are shown.

Claims may hold anything: what is shown is one line, steers neither a terminal nor the direction of the text
around it, and is not long. The marks are ASCII, so that RFC 6749's error_description can carry them.
"""

from collections.abc import Sequence

LONGEST = 160
MOST = 3
_CUT = "..."


def quoted(text: str, longest: int = LONGEST) -> str:
    """The text between backticks; what cannot be printed as its escape, what is too long cut."""
    return f"`{harmless(text, longest)}`"


def harmless(text: str, longest: int = LONGEST) -> str:
    """The text in one printable line of at most ``longest`` characters."""
    cut = text[: longest + 1]
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)
    return shown if len(shown) <= longest else shown[: longest - len(_CUT)] + _CUT


def several(values: Sequence[str], word: str = "and", most: int = MOST) -> str:
    """The first few values, quoted, as people write a list; how many more there are is said."""
    shown = [quoted(value) for value in values[:most]]
    if len(values) > most:
        shown.append(f"{len(values) - most:,} more")
        word = "and"
    return f" {word} ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))
