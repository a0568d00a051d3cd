"""No pattern that is called harmless takes long; the usual ones, and those of the compiled policy, are harmless."""

import random
import re
import signal
from time import perf_counter, process_time

import pytest

from p3idp.core.keystone_rules.reading import Reading, read_pattern
from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.entitlement import Entitlement

# Shapes that take exponentially or steeply long, from published denial-of-service cases and variations of them.
CATASTROPHES = [
    r"(a+)+$", r"^(a+)+$", r"(x+x+)+y", r"(a|aa)+$", r"(.*)*x", r"([a-zA-Z]+)*$", r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(\w+\s?)*$", r"(a?){30}a{30}", r"((a*)*)*$", r"(?:a|a?)+$", r"(a+)\1+$", r"(?=(a+)+$)b", r"(?!(a|aa)+$)b",
    r"(?>(a+)+$)", r"(a|b|ab)*c", r"(?i)(K+k+)+$", r"(\d+|\d\d)+x", r"(a{1,10}){1,10}b", r"([^x]+[^y]+)+z",
    r"^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$",
]  # fmt: skip
USUAL = [
    "urn:mace:egi.eu:group:ops", r"^urn:mace:egi\.eu:group:ops:role=vm_operator#aai\.egi\.eu$", "^ops$", "ops|dev",
    r"^urn:mace:egi\.eu:group:[^:]+:role=(member|admin)#", r"@egi\.eu$", r"^[a-z0-9._-]+@egi\.eu$", "(?i)admins",
    r"^.*:role=vm_operator.*$", r"^urn:[^:]+(:[^:]+)*$",
]  # fmt: skip


def policy_pattern(path: str, role: str | None) -> str:
    return keystone_pattern(Entitlement("urn:mace:egi.eu", tuple(path.split(":")), role))


@pytest.mark.parametrize("pattern", CATASTROPHES)
def test_a_catastrophe_is_never_called_harmless(pattern):
    reading = read_pattern(pattern)
    assert isinstance(reading, Reading)
    assert reading.quick_up_to <= 16


@pytest.mark.parametrize("pattern", [*USUAL, policy_pattern("vo.ops", None), policy_pattern("vo.ops:a", "member")])
def test_the_usual_patterns_run_unguarded_on_usual_values(pattern):
    reading = read_pattern(pattern)
    assert isinstance(reading, Reading)
    assert reading.quick_up_to >= 64


def test_a_policys_patterns_say_how_a_value_must_begin():
    reading = read_pattern(policy_pattern("VO.ops:a", "Member"))
    assert isinstance(reading, Reading)
    assert reading.prefix == "urn:mace:egi.eu:group:vo.ops:a:role=member"


@pytest.mark.parametrize("pattern", ["ops", "(?i)^kis", "(?m)^ops", "^(ops)?", "^[ab]", "", "^a|b"])
def test_nothing_is_said_about_a_beginning_that_is_not_sure(pattern):
    reading = read_pattern(pattern)
    assert isinstance(reading, Reading)
    assert reading.prefix == ""


def made_up(dice: random.Random, depth: int = 3) -> str:
    """A pattern of few letters, so that ambiguity is likely."""
    if depth == 0 or dice.random() < 0.2:
        return dice.choice(["a", "b", "[ab]", "[^a]", ".", r"\w", "ab", "a?", "$", "(?=a)", "(?!b)"])
    inner = [made_up(dice, depth - 1) for _ in range(dice.choice([1, 2, 2, 3]))]
    shape = dice.choice(["seq", "alt", "rep", "rep", "rep"])
    if shape == "seq":
        return "".join(inner)
    body = "|".join(inner) if shape == "alt" else inner[0]
    return f"(?:{body})" + (dice.choice(["*", "+", "?", "*?", "{2,9}", "{3}", "{0,30}"]) if shape == "rep" else "")


@pytest.mark.parametrize(
    "pattern",
    ["(?:" * 5 + "[a-z]*[0-9]*" * 300 + ")*" * 5, "(?:" * 4 + "(?:a|b)*" * 450 + ")*" * 4, "(a|b)*" * 680,
     "|".join(["[a-z]*x"] * 580), "(?:a|" * 600 + "x" + ")*" * 600, "(?=" * 700 + "a" + ")" * 700],
    ids=range(6),
)  # fmt: skip
def test_no_pattern_is_slow_to_judge(pattern):
    read_pattern.cache_clear()
    began = process_time()
    read_pattern(pattern)
    assert process_time() - began < 0.1


def test_what_is_called_harmless_is_quick_on_texts_made_to_hurt():
    """Thousands of made-up patterns on texts up to the length for which they are called harmless."""
    dice, looked_at = random.Random(20261122), 0
    texts = ["a" * 400 + "!", "ab" * 200 + "!", "b" * 400 + "!", "aab" * 130 + "c"]
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    for _ in range(3_000):
        pattern = dice.choice(["", "^"]) + made_up(dice) + dice.choice(["", "c", "$", "b"])
        reading = read_pattern(pattern)
        if not isinstance(reading, Reading) or reading.quick_up_to < 16:
            continue
        looked_at += 1
        signal.alarm(2)  # ends this test run where a search does not come back
        for text in texts:
            began = perf_counter()
            re.search(pattern, text[-min(reading.quick_up_to, 400) :])
            assert perf_counter() - began < 0.25, (pattern, reading)
    signal.alarm(0)
    assert looked_at > 1_000
