"""A policy file is read by libyaml where PyYAML would read the same, and by PyYAML everywhere else."""

import random

import pytest
from big_policy import texts

from p3idp.adapters.policy_files import nodes
from p3idp.adapters.policy_files.nodes import read_document

FILES = [*texts(30, "https://aai.egi.eu/auth/realms/egi").values()]
PIECES = [
    *(": ", ":", " #", "#", "\n", "\n  ", "\n- ", "- ", "{", "}", "[", "]", ",", '"', "'", "|\n", ">\n", "|-\n  "),
    *("&a", "*a", "!t ", "!", "@", "`", "---\n", "...\n", "~", "<<: ", "\\", "é", "0x1", "1.5", '""', "é: 😀"),
    *("\t", "\r", "? ", "?", "%", "\u0085", "\u2028", "\ufeff", "|#", "a: b", "--- ", ">+2\n"),
]  # fmt: skip


def by_pyyaml_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def composed(text: str) -> object:
        composer = nodes._Composer(text)
        return composer, composer.get_single_node()

    monkeypatch.setattr(nodes, "_composed", composed)


def broken(dice: random.Random) -> str:
    """A file with a few pieces put in, cut from somewhere in the middle."""
    text = dice.choice(FILES)
    begin = dice.randrange(len(text))
    letters = list(text[begin : begin + dice.randrange(20, 300)])
    for _ in range(dice.randrange(4)):
        at = dice.randrange(len(letters) + 1)
        letters[at:at] = dice.choice(PIECES)
    return "".join(letters)


def test_both_parsers_read_the_same_of_broken_files(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(2)
    tried = [*FILES, *PIECES, *(broken(dice) for _ in range(1_500))]
    before = [read_document("f", text.encode()) for text in tried]
    by_pyyaml_alone(monkeypatch)
    after = [read_document("f", text.encode()) for text in tried]
    for text, one, other in zip(tried, before, after, strict=True):
        assert repr(one) == repr(other), text
    assert sum(not document.mistakes for document in after) > 200


def test_ordinary_files_are_read_by_libyaml() -> None:
    for text in FILES:
        assert isinstance(nodes._composed(text)[0], nodes._FastComposer)
