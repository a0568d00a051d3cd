"""Mappings asked part by part say what they say when each is asked for itself, whatever came before."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3idp.core.keystone_rules import NO_SEARCH, Search, compile_rules
from p3idp.core.mappings.replay import KeystoneSide
from p3idp.core.mappings.replay_rules import names_in_json
from p3idp.core.mappings.replay_together import TogetherInKeystone, pair_in_keystone
from p3idp.core.policy.replay_compare import Comparison
from p3idp.core.policy.replay_pair import Apart
from p3idp.core.policy.replay_side import Gifts
from p3idp.errors.policy import ClaimsInvalid

DOMAIN = {"name": "egi"}
VALUES = ["a", "b", "ab", "", "c d"]
CLAIMS = ["entitlements", "groups", "iss", "email"]

texts = st.sampled_from(["{0}", "{0}", "{0}", "{1}", "{0} {1}", "x{1}", "fix", "{0[0]}", "{{0}}", "{9}", "\0000."])
user = st.fixed_dictionaries(
    {"name": texts},
    optional={
        "id": texts,
        "email": texts,
        "domain": st.sampled_from([DOMAIN, {"id": "{1}"}]),
        "type": st.sampled_from(["ephemeral", "local"]),
    },
)
given_to = st.one_of(
    st.sampled_from(["g", "h", "{0}", "{1}", "x{1}"]).map(lambda name: {"group": {"name": name, "domain": DOMAIN}}),
    st.sampled_from(["g", "h"]).map(lambda name: {"group": {"name": name, "domain": DOMAIN}}),
    st.sampled_from(
        [
            {},
            {"group": {"id": "1"}},
            {"group": {"name": "g", "domain": {"id": "egi"}}},
            {"groups": "{1}", "domain": DOMAIN},
            {"groups": "g", "domain": {"name": "other"}},
            {"group_ids": "['1', '2']"},
            {"projects": [{"name": "p", "roles": [{"name": "member"}], "domain": DOMAIN}]},
            {"projects": [{"name": "q", "roles": [{"name": "reader"}], "domain": DOMAIN}]},
        ]
    ),
)
attribute = st.sampled_from([*(f"OIDC-{name}" for name in CLAIMS), "OIDC-entitlements", "HTTP_OIDC_ENTITLEMENTS"])
entry = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["OIDC-email", "OIDC-iss", "OIDC-groups"])}),
    st.builds(
        lambda type_, condition, entries, regex: {"type": type_, condition: entries, "regex": regex},
        attribute,
        st.sampled_from(["any_one_of"] * 5 + ["not_any_of", "whitelist", "blacklist"]),
        st.lists(st.sampled_from([*VALUES, "^a", "b$", "i1"]), min_size=1, max_size=2),
        st.booleans(),
    ),
    st.just({"type": "OIDC-entitlements", "any_one_of": ["(a|"], "regex": True}),
    st.just({"type": "OIDC-entitlements", "any_one_of": ["(a*)*b"], "regex": True}),
)


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """Most as sites write them: somebody by the subject, and one group for one value."""
    usual = draw(st.booleans())
    who = {"name": draw(st.sampled_from(["{0}", "{0}", "{0}", "x{0}"])), "domain": DOMAIN} if usual else draw(user)
    name = draw(st.sampled_from(["g", "h", "i"]))
    local = {"group": {"name": name, "domain": DOMAIN}} if usual else draw(given_to)
    if usual:
        asked = [{"type": draw(attribute), "any_one_of": draw(st.lists(st.sampled_from(VALUES), min_size=1))}]
    else:
        asked = draw(st.lists(entry, max_size=3))
    named = {"user": who} if usual or draw(st.integers(0, 9)) else {}
    return {"local": [{**named, **local}], "remote": [{"type": "OIDC-sub"}, *asked]}


value = st.sampled_from(["a", "b", "ab", "c d", ""])
odd = st.sampled_from(
    [
        "",
        None,
        0,
        1,
        True,
        {},
        [],
        [""],
        [0],
        ["a", 1],
        ["a", None],
        [["a"]],
        ["a", "b;c"],
        "[a",
        "a\0",
        "\0000.",
        "x" * 2049,
    ]
)
listed = st.lists(value, max_size=3)
claim = st.one_of(listed, listed, listed, value, odd)
person = st.fixed_dictionaries(
    {"sub": st.one_of(st.sampled_from(["ann", "bob", "i1"]), st.sampled_from(["ann", "bob"]), odd)},
    optional={
        "entitlements": claim,
        "ENTITLEMENTS": claim,
        "groups": claim,
        "iss": st.one_of(st.sampled_from(["i1", "i2", "a"]), odd),
        "email": st.one_of(st.sampled_from(["ann", "m@x"]), claim),
    },
)


def sides(
    rules_of_both: tuple[list[Any], list[Any]],
    gifts: Gifts,
    *,
    versions: tuple[str, str] = ("2.0", "2.0"),
    issuer: str = "",
    search: Search = NO_SEARCH,
) -> Any:
    made = []
    for each, version in zip(rules_of_both, versions, strict=True):
        compiled, names = compile_rules(each, version, search), tuple(names_in_json(each))
        made.append(KeystoneSide(compiled, names, gifts, "sub", issuer, search))
    return made


def told(pair: Any, gifts: Gifts, people: list[Any]) -> Any:
    """All that a report is made of, and what was said of each login."""
    found, said = Comparison(pair, gifts), []
    for line, claims in enumerate(people, 1):
        try:
            said.append(found.add(line, None, claims, "egi"))
        except ClaimsInvalid as invalid:
            said.append(invalid.detail)
        said.append(list(found.people()))
    return said, found.rules()


def agree(draft: list[Any], current: list[Any], people: list[Any], **options: Any) -> Any:
    """The pair, having said of everybody three times what both sides say for themselves."""
    gifts, others = Gifts(), Gifts()
    pair = pair_in_keystone(*sides((draft, current), gifts, **options))
    plain = Apart(*sides((draft, current), others, **options))
    assert told(pair, gifts, people * 3) == told(plain, others, people * 3)
    return pair


@settings(max_examples=400, deadline=None)
@given(
    both=st.lists(rules(), max_size=3),
    new=st.lists(rules(), min_size=1, max_size=2),
    old=st.lists(rules(), min_size=1, max_size=2),
    people=st.lists(person, min_size=1, max_size=6),
    versions=st.tuples(st.sampled_from(["2.0", "2.0", "2.0", "3.0"]), st.just("2.0")),
    issuer=st.sampled_from(["", "i1"]),
)
def test_parts_say_what_the_whole_says(both, new, old, people, versions, issuer):
    agree([*both, *new], [*both, *old], people, versions=versions, issuer=issuer)


def rule(group: str, *asked: dict[str, Any], user: str = "{0}", **more: Any) -> dict[str, Any]:
    local = {"user": {"name": user, "domain": DOMAIN}, "group": {"name": group, "domain": DOMAIN}, **more}
    return {"local": [local], "remote": [{"type": "OIDC-sub"}, *asked]}


def holds(*values: str, claim: str = "entitlements") -> dict[str, Any]:
    return {"type": f"OIDC-{claim}", "any_one_of": list(values)}


def logins(**claims: Any) -> list[dict[str, Any]]:
    return [{"sub": name, **claims} for name in ("ann", "bob")]


PEOPLE = [
    *logins(entitlements=["a", "b"]), *logins(entitlements=["b"], iss="i2"), *logins(entitlements=["b"], iss="i1"),
    *logins(entitlements=["a", "ab"], groups=["a"], email="m@x"), *logins(groups=["b"], email="n@x"), *logins(),
    {"sub": "cy;b", "entitlements": ["b"]}, {"sub": "cy", "groups": ["b"], "email": "n;x"}, {"sub": ""},
    *logins(entitlements=["b"], ENTITLEMENTS=["a"]),
]  # fmt: skip
CASES = {
    "another issuer is another whole": ([rule("g", holds("b"), holds("i1", claim="iss"))], [rule("h", holds("c"))]),
    "two values of one claim": ([rule("g", holds("a"), holds("b"))], [rule("h", holds("a"))]),
    "values of two claims": ([rule("g", holds("a"), holds("a", claim="groups"))], [rule("h", holds("ab"))]),
    "a claim that names the group": ([rule("{1}", {"type": "OIDC-email"})], [rule("h", holds("a"))]),
    "a claim that names the user": ([rule("g", {"type": "OIDC-email"}, user="{1}")], [rule("g", holds("a"))]),
    "a claim counted without gates": ([rule("{1}", holds("a"), {"type": "OIDC-email"})], [rule("h", holds("a"))]),
    "the first user, not the longest": ([rule("g", holds("b")), rule("h", holds("a"), user="x{0}")], [rule("h")]),
    "users that differ by rule": ([rule("g", holds("b"), user="x{0}"), rule("h", holds("a"))], [rule("h", holds("a"))]),
    "whoever lacks a value": ([rule("g", {"type": "OIDC-entitlements", "not_any_of": ["a"]})], [rule("g", holds("b"))]),
    "two claims of one attribute": (
        [rule("g", {"type": "HTTP_OIDC_ENTITLEMENTS", "any_one_of": ["b"]})], [rule("h", holds("a"))],
    ),
    "one that fails": ([rule("g", holds("a")), rule("h", holds("b"), user="{3}")], [rule("g", holds("a"))]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_could_be_taken_apart_wrongly_is_not(case):
    draft, current = CASES[case]
    assert isinstance(agree(draft, current, PEOPLE), TogetherInKeystone)


PROJECTS = [
    rule("g", holds(each), projects=[{"name": each, "roles": [{"name": "member"}], "domain": DOMAIN}])
    for each in ("a", "b")
]
WHOLE = {
    "of projects the last win": (PROJECTS, [rule("g", holds("a"))]),
    "a letter of the subject": ([rule("g", holds("a"), user="{0[0]}")], [rule("g", holds("b"), user="b")]),
    "a user who looks like what stands for one": ([rule("g", holds("a"), user="\0000.")], [rule("g", holds("b"))]),
}


@pytest.mark.parametrize("case", WHOLE)
def test_what_does_not_add_up_is_never_taken_apart(case):
    draft, current = WHOLE[case]
    assert isinstance(agree(draft, current, PEOPLE), Apart)


LONG = [f"{number}{'x' * 2000}" for number in range(200)]


class Hasty:
    """Runs patterns on two texts of an evaluation, and then its time is over."""

    left = 0

    def prepare(self) -> None:
        pass

    def begin(self) -> None:
        self.left = 2

    def find(self, pattern: str, texts: Sequence[str]) -> Sequence[bool] | None:
        self.left -= len(texts)
        return [True for _ in texts] if self.left >= 0 else None


@pytest.mark.parametrize(
    ("draft", "one", "other"),
    [
        ([rule(f"g{number}", holds("a" if number % 2 else "b")) for number in range(700)], ["a"], ["b"]),
        ([rule("g", holds(LONG[0]))], LONG[:100], LONG[100:]),
        ([rule("g", {**holds("(a*)*b"), "regex": True})], ["x" * 70, "y" * 70], ["z" * 70]),
    ],
    ids=["groups", "characters", "time"],
)
def test_two_good_halves_may_be_too_much_for_keystone_together(draft, one, other):
    people = [*logins(entitlements=one), *logins(entitlements=other), *logins(entitlements=[*one, *other])]
    pair = agree(draft, [rule("g", holds("a"))], people, search=Hasty())
    assert isinstance(pair, TogetherInKeystone)
    after, _ = pair.judge({"sub": "cy", "entitlements": [*one, *other]}, None)
    assert after.refusal.startswith("refused")


def test_what_is_remembered_is_bounded_and_changes_nothing(monkeypatch):
    monkeypatch.setattr("p3idp.core.mappings.replay_together.MOST_TEXTS", 9)
    monkeypatch.setattr("p3idp.core.mappings.replay_together.MOST_VALUES", 2)
    people = [each for n in range(20) for each in logins(entitlements=["a", f"x{n}", "b"][n % 2 :], iss=f"i{n % 3}")]
    draft = [rule("g", holds("a"), holds("i1", claim="iss")), rule("h", holds("b"))]
    pair = agree(draft, [rule("g", holds("b"))], people)
    ways = [way for shape in pair._shapes.values() for way in shape.ways.values()]
    assert sum(len(known) for way in ways for known in way.values()) <= 9 + 3


def test_who_comes_again_with_known_values_is_not_evaluated(monkeypatch):
    gifts = Gifts()
    draft, current = [rule("g", holds("a"))], [rule("h", holds("a"))]
    made = sides((draft, current), gifts)
    pair = pair_in_keystone(*made)
    for name in ("ann", "bob"):
        pair.judge({"sub": name, "entitlements": ["a", "b"]}, None)
    monkeypatch.delattr(type(made[0].compiled), "evaluate")
    after, before = pair.judge({"sub": "cy", "entitlements": ["b", "a"]}, None)
    assert (after.person, after.user, after.held == before.held) == ("cy", "cy", False)
