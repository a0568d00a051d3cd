"""Every command for researchers takes --json, of every depth, and its errors then are one JSON object."""

import json
import sys
from collections.abc import Iterator

import click
import pytest

from p3idp.cli.lazy import LazyGroup
from p3idp.cli.main import COMMANDS, main, run


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(command)
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(context):
        if isinstance(command, LazyGroup) and command.table[name].extra:
            continue
        inner = command.get_command(context, name)
        if inner is not None:
            yield from commands(inner, (*path, name))


OURS = [
    found
    for name, entry in COMMANDS.items()
    if not entry.extra
    for found in commands(main.get_command(click.Context(main), name) or main, (name,))
]


@pytest.mark.parametrize(("path", "command"), OURS, ids=[" ".join(path) for path, _ in OURS])
def test_it_takes_json_and_says_what_it_is_for(path: tuple[str, ...], command: click.Command):
    assert any("--json" in option.opts for option in command.params)
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert command.help
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize(
    ("words", "is_json"),
    [
        (["whoami", "--json", "--cloud=nowhere"], True),
        (["exec", "--json", "--", "no-such-program"], True),
        (["exec", "--", "no-such-program", "--json"], False),
        (["completion", "--json", "tcsh"], True),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_the_flag_counts_for_errors_unless_it_is_a_childs(
    words: list[str], is_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
):
    monkeypatch.setenv("P3IDP_CACHE_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("P3IDP_CLIENT_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setattr(sys, "argv", ["p3idp", *words])
    with pytest.raises(SystemExit) as ended:
        run()
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    if is_json:
        assert json.loads(printed.err)["error"]["hint"]
    else:
        assert printed.err.startswith("Error (usage-mistaken)")
