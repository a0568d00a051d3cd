"""People in a community's file: put in and taken out by whole lines, with everything else as it was."""

import pytest
from policies import ACCESS

from p3idp.adapters.policy_files.edit_people import with_person, without_people
from p3idp.adapters.policy_files.nodes import read_document
from p3idp.core.policy.model import NamedPerson, ProjectRef, ProviderId
from p3idp.errors.community import CommunityFileOdd

PIA = NamedPerson("pia@egi.eu", ProviderId("egi"), ((ProjectRef("egi", "p3"), ("member",)),), name="Pia: guest")
LINES = """\
  - subject: pia@egi.eu
    identity_provider: egi
    name: 'Pia: guest'
    projects:
      p3: [member]
"""
OTHER = "  # a tester\n  - {subject: max@egi.eu, identity_provider: egi, projects: {p3: [member]}}  # until spring\n"
EXAMPLES = "# What holds\nexamples:\n  - {title: x, claims: {}, access: {}}\n"


def put(text: str) -> str:
    return with_person("x", text.encode(), PIA).decode()


def taken(text: str, *numbers: int) -> str:
    return without_people("x", text.encode(), numbers).decode()


PLACES = {
    "nobody so far": (ACCESS, f"{ACCESS}\npeople:\n{LINES}"),
    "no end of line": (ACCESS.rstrip("\n"), f"{ACCESS}\npeople:\n{LINES}"),
    "before the examples": (f"{ACCESS}\n{EXAMPLES}", f"{ACCESS}\npeople:\n{LINES}\n{EXAMPLES}"),
    "behind somebody else": (f"{ACCESS}people:\n{OTHER}", f"{ACCESS}people:\n{OTHER}{LINES}"),
    "between": (f"people:\n{OTHER}{ACCESS}", f"people:\n{OTHER}{LINES}{ACCESS}"),
}


@pytest.mark.parametrize(("before", "after"), PLACES.values(), ids=PLACES)
def test_somebody_more_comes_behind_those_who_are_there(before: str, after: str) -> None:
    assert put(before) == after


def test_an_entry_stands_as_far_in_as_the_others() -> None:
    found = put("people:\n- {subject: max@egi.eu, identity_provider: egi, projects: {p3: [member]}}\n")
    assert found.splitlines()[2:4] == ["- subject: pia@egi.eu", "  identity_provider: egi"]


@pytest.mark.parametrize("name", PLACES)
def test_what_was_put_in_can_be_taken_out(name: str) -> None:
    before = PLACES[name][0]
    held = read_document("x", before.encode()).data
    after = taken(put(before), len(held.get("people", ())))
    assert read_document("x", after.encode()).data == held
    assert set(before.splitlines()) <= {*after.splitlines()}


def test_the_key_goes_with_the_last_one() -> None:
    assert taken(f"{ACCESS}people:\n{LINES}", 0) == ACCESS
    assert "people" not in taken(f"{ACCESS}people:\n{LINES}{LINES}", 0, 1)


@pytest.mark.parametrize("people", ["people: []\n", "people: [{subject: a, identity_provider: egi}]\n"])
def test_what_is_written_too_oddly_is_left_to_a_person(people: str) -> None:
    with pytest.raises(CommunityFileOdd, match="cannot be changed line by line"):
        put(ACCESS + people)


@pytest.mark.parametrize(
    "subject", ["a: b", "- x", "#x", "'q'", '"', "{0}", "2026-01-01", "no", "1e3", "%", "@x", "a\\b"]
)
def test_any_subject_is_written_so_that_it_reads_as_it_is(subject: str) -> None:
    person = NamedPerson(subject, ProviderId("egi"), PIA.grants)
    (entry,) = read_document("x", with_person("x", ACCESS.encode(), person)).data["people"]
    assert entry["subject"] == subject
