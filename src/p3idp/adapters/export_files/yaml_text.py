"""YAML for Ansible. Owns which texts are marked ``!unsafe``, so that no name becomes Jinja."""

from collections.abc import Sequence

import yaml

from p3idp.core.export.ansible import Expression

_OPENERS = ("{{", "{%", "{#")


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if any(opener in text for opener in _OPENERS):
        return dumper.represent_scalar("!unsafe", text, style='"')
    # Between plain quotes, the dumper's usual ones, YAML reads this line break as a blank.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\x85" in text else None)


def _expression(dumper: yaml.SafeDumper, text: Expression) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Expression, _expression)


def yaml_text(head: Sequence[str], content: object) -> str:
    """A file: the comments, and the content in the order given with no line broken."""
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16)
    return "".join(f"# {line}\n" for line in head) + "---\n" + text
