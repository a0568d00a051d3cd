"""Put an entry into clouds.yaml and leave every other byte alone. Owns the place in the text, and what is refused.

Lines are put in or replaced at positions that PyYAML gives, which is also what openstacksdk reads the file with: so
comments, order, quotes, anchors and everybody else's entries stay as they were written. The new text is read again, and
must say the same but for the entry.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p3idp.errors.clouds_yaml import CloudsFileInvalid

if TYPE_CHECKING:
    from yaml.nodes import Node

Entry = Mapping[str, Any]
_ROOT = "clouds"
_BY_HAND = "Nothing was written. Put the entry there by hand, or name another file with --file:\n\n{text}"
# What the shown difference hides of neighbours' lines, and of an entry that is replaced.
_HIDDEN = re.compile(r"((?:password|secret|token|passcode)['\"]?\s*:\s*)\S.*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Edit:
    """A file's text before and after. ``there``: the entry of that name that the file had, if any."""

    before: str | None
    after: str
    there: Entry | None

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after

    @property
    def replaces(self) -> bool:
        """Whether an entry with other content goes."""
        return self.changes and self.there is not None

    def diff(self, name: str) -> list[str]:
        """The unified difference, for people: values of passwords, secrets and tokens are hidden."""
        before, after = (self.before or "").splitlines(), self.after.splitlines()
        lines = difflib.unified_diff(before, after, name if self.before is not None else "/dev/null", name, lineterm="")
        return [_HIDDEN.sub(r"\1***", line) for line in lines]


def with_entry(text: str | None, name: str, entry: Entry, file: str) -> Edit:
    """The text with this entry among its clouds; ``file`` is what errors call it.

    An entry that says all of this already, and perhaps more, stays. Raises CloudsFileInvalid.
    """
    old = _read(text or "", file)
    clouds = old.get(_ROOT) or {}
    there = clouds.get(name)
    if isinstance(there, Mapping) and all(there.get(key) == value for key, value in entry.items()):
        return Edit(text, text or "", there)
    lines = (text or "").splitlines(keepends=True)
    new = _placed(lines, name, entry, file)
    if not _says(new, {**old, _ROOT: {**clouds, name: dict(entry)}}):
        raise _by_hand(f"{file} is written in a way that p3idp cannot add to.", name, entry)
    return Edit(text, new, there if isinstance(there, Mapping) else None)


def entries(text: str | None, file: str) -> Mapping[str, Entry]:
    """The clouds that the text has, in its order. Raises CloudsFileInvalid."""
    clouds = _read(text or "", file).get(_ROOT) or {}
    return {str(name): each for name, each in clouds.items() if isinstance(each, Mapping)}


def _read(text: str, file: str) -> dict[str, Any]:
    """What the text says. Raises CloudsFileInvalid where openstacksdk could not read it, or a name stands twice."""
    import yaml  # PyYAML: nobody else waits for it

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        twice = _twice(node)
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise CloudsFileInvalid(f"{file}{where}: {getattr(exc, 'problem', None) or 'not YAML'}.") from exc
    if twice is not None:
        raise CloudsFileInvalid(f"{file}, line {twice.start_mark.line + 1}: the name {twice.value} stands there twice.")
    read = {} if read is None else read
    if not isinstance(read, dict) or not isinstance(read.get(_ROOT) or {}, dict):
        raise CloudsFileInvalid(f"{file} is not a list of clouds.")
    return read


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    import yaml

    try:
        return not _twice(yaml.compose(text, Loader=yaml.SafeLoader)) and bool(yaml.safe_load(text) == wanted)
    except (yaml.YAMLError, ValueError, RecursionError):  # RecursionError: of a text that holds itself
        return False


def _twice(root: "Node | None") -> Any:
    """The first key that a mapping has twice, in the whole text."""
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    open_nodes, seen = [root], set[int]()
    while open_nodes:
        node = open_nodes.pop()
        if id(node) in seen or not isinstance(node, MappingNode | SequenceNode):
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            open_nodes += node.value
            continue
        keys = set[tuple[str, str]]()
        for key, value in node.value:
            word = (key.tag, key.value) if isinstance(key, ScalarNode) else None
            if word in keys:
                return key
            keys |= {word} if word else set()
            open_nodes.append(value)
    return None


def _placed(lines: Sequence[str], name: str, entry: Entry, file: str) -> str:
    """The new text: the entry in the place of its namesake, else below the last one, else with a list of its own."""
    import yaml

    text = "".join(lines)
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    whole = {_ROOT: {name: entry}}
    if not isinstance(root, yaml.MappingNode):
        return _joined(lines, len(lines), len(lines), _block(whole, 0))
    if root.flow_style:
        raise _by_hand(f"{file} is written in braces.", name, entry)
    found: dict[str, Any] = {key.value: (key, value) for key, value in root.value}
    if _ROOT not in found:
        end = _ending(lines, 0, _line_of(root.end_mark, lines))
        return _joined(lines, end, end, _block(whole, root.start_mark.column))
    key, clouds = found[_ROOT]
    if isinstance(clouds, yaml.ScalarNode) or not clouds.value:  # `clouds:`, `clouds: ~`, or `clouds: {}`
        below = (text[: clouds.start_mark.index].rstrip(" ") + text[clouds.end_mark.index :]).splitlines(keepends=True)
        block = _block({name: entry}, key.start_mark.column + 2)
        return _joined(below, key.start_mark.line + 1, key.start_mark.line + 1, block)
    if clouds.flow_style:
        raise _by_hand(f"The clouds of {file} are written in braces.", name, entry)
    block = _block({name: entry}, clouds.start_mark.column)
    starts = [each.start_mark.line for each, _ in clouds.value] + [_line_of(clouds.end_mark, lines)]
    places = {each.value: (starts[i], _ending(lines, *starts[i : i + 2])) for i, (each, _) in enumerate(clouds.value)}
    _, end = places[clouds.value[-1][0].value]
    return _joined(lines, *places.get(name, (end, end)), block)


def _line_of(end_mark: Any, lines: Sequence[str]) -> int:
    """Where a block's end is: on the line of what follows it, or behind all lines."""
    return int(end_mark.line) if end_mark.index < sum(map(len, lines)) else len(lines)


def _ending(lines: Sequence[str], start: int, stop: int) -> int:
    """Where the block that begins at ``start`` ends, without the blank lines and comments before what follows it.

    The last lines of a literal text may look like comments; then the text that is read again differs.
    """
    while stop > start and lines[stop - 1].split("#")[0].strip() == "":
        stop -= 1
    return stop


def _block(content: Mapping[str, Any], indent: int) -> list[str]:
    import yaml

    text = yaml.safe_dump(dict(content), sort_keys=False, default_flow_style=False, allow_unicode=True, width=10**6)
    return [" " * indent + line for line in text.splitlines()]


def _joined(lines: Sequence[str], start: int, stop: int, block: Sequence[str]) -> str:
    """The lines with a block in the place of some of them; its line ends are the file's."""
    newline = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    before = "".join(lines[:start])
    before += newline if before and not before.endswith("\n") else ""
    return before + "".join(line + newline for line in block) + "".join(lines[stop:])


def _by_hand(why: str, name: str, entry: Entry) -> CloudsFileInvalid:
    text = "\n".join(_block({_ROOT: {name: entry}}, 2))
    return CloudsFileInvalid(why, hint=_BY_HAND.format(text=text))
