"""Questions that hypothesis makes up, and shrinks when the engines disagree. Owns the strategies."""

from typing import Any

from agreement import Tally
from asked_keystone import AskedKeystone
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from questions import ODD, PATTERNS, PROJECTS, SUBJECTS, TEMPLATES, VALUES

from p3idp.core.keystone_rules import Search

NAMES = ["a", "b", "c"]
texts = st.sampled_from([*VALUES, *SUBJECTS, *PROJECTS]) | st.text("[]{}()'\",:;JSONnamedoi \\\n01-", max_size=24)
claims = st.lists(texts, min_size=1, max_size=3).map(";".join)
templates = st.sampled_from(["{0}", "{1}", "{}"]) | st.sampled_from(TEMPLATES) | st.text("{}[]!:.0123><ab ", max_size=8)
patterns = st.sampled_from(PATTERNS) | st.text("^$.*+?()[]|\\ab{}1,-", max_size=9)
odd = st.sampled_from(ODD)
domains = st.fixed_dictionaries({}, optional={"id": templates, "name": templates})
roles = st.lists(st.fixed_dictionaries({"name": templates}), max_size=2)
projects = st.lists(st.fixed_dictionaries({"name": templates, "roles": roles}), max_size=2)
users = st.fixed_dictionaries(
    {},
    optional={"id": templates, "name": templates, "domain": domains, "type": st.sampled_from(["local", "ephemeral"])},
)
groups = st.fixed_dictionaries({"id": templates}) | st.fixed_dictionaries({"name": templates, "domain": domains})


def _requirement(name: str, condition: str | None, regex: bool, entries: list[Any]) -> dict[str, Any]:
    return {"type": name, condition: entries, "regex": regex} if condition else {"type": name}


def _requirements() -> st.SearchStrategy[dict[str, Any]]:
    condition = st.sampled_from([None, "any_one_of", "not_any_of", "whitelist", "blacklist"])
    chosen = [st.builds(_requirement, st.sampled_from(NAMES), condition, st.just(regex), st.lists(entry, max_size=3))
              for regex, entry in ((True, patterns | odd), (False, texts | odd))]  # fmt: skip
    return st.one_of(chosen)


def _locals(version: str) -> st.SearchStrategy[dict[str, Any]]:
    parts = {"user": users, "group": groups, "groups": templates, "group_ids": templates, "domain": domains}
    parts["projects"] = projects
    if version == "3.0":
        parts["projects_json"] = templates
    return st.fixed_dictionaries({}, optional=parts)


@st.composite
def questions(draw: Any) -> dict[str, Any]:
    """One set of rules with a few assertions."""
    version = draw(st.sampled_from(["1.0", "2.0", "3.0"]))
    remote = st.lists(_requirements(), min_size=1, max_size=3)
    rule = st.fixed_dictionaries({"local": st.lists(_locals(version), max_size=2), "remote": remote})
    assertion = st.fixed_dictionaries({}, optional={name: claims for name in NAMES})
    rules, assertions = draw(st.lists(rule, min_size=1, max_size=3)), draw(st.lists(assertion, min_size=1, max_size=3))
    return {"rules": rules, "schema_version": version, "assertions": assertions}


def hunt(examples: int, number: int, keystone: AskedKeystone, search: Search) -> Tally:
    """Look for a disagreement; hypothesis raises with the smallest one that it finds."""
    whole = Tally()

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(questions())
    def agree(question: dict[str, Any]) -> None:
        tally = Tally()
        tally.compare(question, keystone.ask(question), search)
        whole.pairs += tally.pairs
        whole.kinds += tally.kinds
        assert not tally.disagreements, tally.disagreements[0]

    agree()
    return whole
