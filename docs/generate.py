"""Write the reference pages that the code itself knows: errors, commands, settings, findings of lint.

Run as ``make docs-generate``; with ``--check`` it changes nothing and fails where a page is out of date.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from pathlib import Path

import click
from pydantic import BaseModel

import p3idp.errors
from p3idp.cli.main import COMMANDS, main
from p3idp.core.mappings.lint import SECTIONS
from p3idp.errors import P3idpError
from p3idp.settings.model import Settings

REFERENCE = Path(__file__).parent / "reference"
STATUS_MEANINGS = {
    0: "ok",
    1: "error",
    2: "usage",
    3: "sign-in needed",
    4: "refused",
    5: "unreachable",
    6: "changes pending (`plan --detailed-exitcode`)",
}


def _subclasses(cls: type[P3idpError]) -> list[type[P3idpError]]:
    children = sorted(cls.__subclasses__(), key=lambda child: child.code)
    return [error for child in children for error in (child, *_subclasses(child))]


def errors_page() -> str:
    """Every error code with its exit status, HTTP status, meaning and hint, by subject."""
    for module in pkgutil.iter_modules(p3idp.errors.__path__):
        importlib.import_module(f"p3idp.errors.{module.name}")
    lines = ["# Errors and exit statuses", "", "| exit status | meaning |", "|---|---|"]
    lines += [f"| {status} | {meaning} |" for status, meaning in STATUS_MEANINGS.items()]
    subject = ""
    for error in sorted(set(_subclasses(P3idpError)), key=lambda e: (e.__module__, e.code)):
        if error.__module__ != subject:
            subject = error.__module__
            lines += ["", f"## {subject.rsplit('.', 1)[1].capitalize()}"]
        lines += ["", f"### `{error.code}`", "", " ".join((error.__doc__ or "").split())]
        lines += ["", f"Exit status {error.exit_status.value}; HTTP status {error.http_status}."]
        if error.hint:
            lines += ["", f"*What to try:* {error.hint}"]
    return "\n".join(lines) + "\n"


def _help(command: click.Command, path: str) -> list[str]:
    context = click.Context(command, info_name=path, max_content_width=100)
    lines = ["", f"## `{path}`", "", "```text", command.get_help(context), "```"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            lines += _help(child, f"{path} {name}") if child else []
    return lines


def cli_page() -> str:
    """The help of every command."""
    lines = ["# Command line", "", "`p3idp COMMAND --help` says the same."]
    context = click.Context(main, info_name="p3idp")
    for name in COMMANDS:
        command = main.get_command(context, name)
        lines += _help(command, f"p3idp {name}") if command else []
    return "\n".join(lines) + "\n"


def _section(model: type[BaseModel], title: str) -> list[str]:
    lines = ["", f"## {title}", "", inspect.cleandoc(model.__doc__ or "").replace("``", "`"), ""]
    lines += ["| key | type | default |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        if field.is_required() or isinstance(field.default, BaseModel):
            default = "required" if field.is_required() else ""
        else:
            default = "" if field.default is None else f"`{_toml(field.default)}`"
        lines.append(f"| `{field.alias or name}` | {_kind(field.annotation)} | {default} |")
    return lines


def _toml(value: object) -> str:
    """A default as it would stand in the file."""
    return json.dumps(value if isinstance(value, bool | int | float | list | tuple) else str(value))


_WORDS = {
    "str": "text",
    "int": "number",
    "float": "number",
    "bool": "true or false",
    "Path": "path",
    "SecretRef": "secret",
    "tuple[str, ...]": "list of texts",
    "tuple[IPvAnyNetwork, ...]": "list of networks",
}


def _kind(annotation: object) -> str:
    """A type as whoever writes the file thinks of it; that it may be left out is said by the default."""
    bare = re.sub(r"<class '([^']*)'>", r"\1", str(annotation)).removesuffix(" | None")
    name = re.sub(r"(\w+\.)+", "", bare)
    if "Settings" in name:
        return "sections" if name.startswith("dict") else "section"
    if name.startswith("Literal"):
        return name.removeprefix("Literal[").removesuffix("]").replace("'", "`")
    return _WORDS[name]


_NAMED = {"providers": ".<id>", "environments": ".<name>"}


def settings_page() -> str:
    """Every key of the settings file."""
    lines = ["# Settings", "", "One TOML file: `--settings FILE`, else `$P3IDP_SETTINGS`, else"]
    lines += ["`/etc/p3idp/settings.toml`. Unknown keys are errors; a secret is `{ file = … }` or `{ env = … }`."]
    lines += _section(Settings, "Top level")
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        args = [kind, *getattr(kind, "__args__", ())]
        section = next((arg for arg in args if isinstance(arg, type) and issubclass(arg, BaseModel)), None)
        if section is not None:
            lines += _section(section, f"`[{field.alias or name}{_NAMED.get(name, '')}]`")
    return "\n".join(lines) + "\n"


def lint_page() -> str:
    """Every finding of lint, by what it is about."""
    lines = [
        "# Findings of lint",
        "",
        "What `p3idp mapping lint` finds, by name. An *error*: logins fail, or somebody gets",
    ]
    lines += ["what was not meant. A *warning* could hurt. A *note* is worth knowing."]
    for title, section in SECTIONS.items():
        lines += ["", f"## {title}"]
        for code, words in section.items():
            lines += ["", f"### `{code}`", "", f"*{words.severity.value.capitalize()}.* {words.defect}"]
            lines += ["", f"*What it means:* {words.means}", "", f"*What to write:* {words.remedy}"]
    return "\n".join(lines) + "\n"


def generate(*, check: bool) -> int:
    """Write the pages, or with ``check`` name those that are out of date."""
    stale = []
    for name, page in (
        ("errors", errors_page()),
        ("cli", cli_page()),
        ("settings", settings_page()),
        ("lint", lint_page()),
    ):
        path = REFERENCE / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != page:
            stale.append(path.name)
            if not check:
                path.write_text(page, encoding="utf-8")
    if check and stale:
        sys.stderr.write(f"Out of date: {', '.join(stale)}. Run `make docs-generate`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(generate(check="--check" in sys.argv))
