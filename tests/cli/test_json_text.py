"""What commands print as JSON: strangers' signs steer no terminal, and machines read what was written."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from lint_cases import entitled, user

import p3idp.cli
from p3idp.cli.json_text import as_json_text, escaped
from p3idp.cli.main import main, show_error
from p3idp.core.audit.event import canonical
from p3idp.errors.keystone import KeystoneConflict

ODD = 'a\u202eb\x1b[2J\x7f\x9b1m\u200b\u2028\ue000\U000e0041\ud800\n\t"\\'
PLAIN = "Großgruppe Ελλάδα 日本 \U0001f600"


@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_printable_and_says_the_same(indent: int | None):
    value = {ODD: [ODD, PLAIN, 1.5, None, {}]}
    text = as_json_text(value, indent=indent)
    assert all(line.isprintable() for line in text.split("\n"))
    assert PLAIN in text
    assert json.loads(text) == value


def test_what_the_ledger_keeps_is_shown_with_the_same_value():
    kept = canonical({"name": f"{PLAIN}\u202e"})
    assert "\u202e" in kept
    assert escaped(kept).isprintable()
    assert canonical(json.loads(escaped(kept))) == kept


def test_commands_have_no_other_way_to_print_json():
    """Text for people may quote JSON, where what is harmful becomes a mark."""
    folder = Path(p3idp.cli.__file__).parent
    lines = [(file.name, line) for file in folder.glob("*.py") for line in file.read_text("utf-8").splitlines()]
    own = [(name, line) for name, line in lines if "json.dump" in line and name != "json_text.py"]
    assert own
    assert [each for each in own if "harmless" not in each[1]] == []
    assert [each for each in lines if "echo(record.event" in each[1]] == []


def test_an_error_is_printed_so_too(capsys: pytest.CaptureFixture[str]):
    show_error(KeystoneConflict("The group \u202e\x7f is odd.\nSo is the next."), as_json=True)
    shown = capsys.readouterr().err
    assert shown.removesuffix("\n").isprintable()
    assert json.loads(shown)["error"]["detail"] == "The group \u202e\x7f is odd.\nSo is the next."


@pytest.mark.parametrize(
    "words",
    [
        ("mapping", "lint", "RULES"),
        ("mapping", "evaluate", "--rules", "RULES", "--assertion", "LOGIN"),
        ("import", "mapping", "RULES", "--domain", "egi", "--issuer", "https://aai.egi.eu/auth/realms/egi"),
    ],
    ids=" ".join,
)
def test_signs_of_strangers_reach_no_terminal_and_every_reader(tmp_path: Path, words: tuple[str, ...]):
    rules = [entitled(user(id="{0}", name="\u202e\x7fodd"), any_one_of=["\u202e\x7fodd"])]
    login = {"OIDC-sub": "x", "OIDC-iss": "https://aai.egi.eu/auth/realms/egi", "OIDC-entitlements": "\u202e\x7fodd"}
    files = {"RULES": tmp_path / "rules.json", "LOGIN": tmp_path / "login.json"}
    files["RULES"].write_text(json.dumps({"rules": rules, "schema_version": "2.0"}), encoding="utf-8")
    files["LOGIN"].write_text(json.dumps(login), encoding="utf-8")
    said = [str(files.get(word, word)) for word in words]
    printed = CliRunner(env={"P3IDP_SETTINGS": "/nonexistent"}).invoke(main, [*said, "--json"], standalone_mode=False)
    assert all(line.isprintable() for line in printed.stdout.split("\n"))
    assert any("\u202e\x7fodd" in text for text in texts(json.loads(printed.stdout)))


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []
