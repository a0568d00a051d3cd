"""An entry goes into clouds.yaml, and every other byte stays; what cannot be done so is refused."""

import pytest
import yaml

from p3idp.client.clouds_yaml import entries, with_entry
from p3idp.errors.clouds_yaml import CloudsFileInvalid

ENTRY = {"auth_type": "v3p3idp", "auth": {"auth_url": "https://k.test/v3", "project_name": "p3"}}
BLOCK = """\
  lab:
    auth_type: v3p3idp
    auth:
      auth_url: https://k.test/v3
      project_name: p3
"""
WHOLE = f"clouds:\n{BLOCK}"
NEIGHBOURS = """\
# my clouds
clouds: # all of them

  # the old one
  old: &old
    auth: {username: me, password: 'pa: ss'}   # quoted
    region_name: "One"

    # inside
  # the second
  second:
    <<: *old
    long: a plain text
      in two lines
  # the last comment

# other programs' part
cache: {expiration_time: 1}
"""

# text before, and the text after
PLACES = {
    "no file": (None, WHOLE),
    "an empty file": ("", WHOLE),
    "comments alone": ("# mine\n", f"# mine\n{WHOLE}"),
    "no line end at the end": ("# mine", f"# mine\n{WHOLE}"),
    "clouds without any": ("clouds:\n", WHOLE),
    "clouds without any, in braces": ("clouds: {} # none\ncache: {}\n", f"clouds: # none\n{BLOCK}cache: {{}}\n"),
    "no list of clouds": ("cache: {}\n# end\n", f"cache: {{}}\n{WHOLE}# end\n"),
    "comments, anchors and neighbours": (
        NEIGHBOURS,
        NEIGHBOURS.replace("      in two lines\n", f"      in two lines\n{BLOCK}"),
    ),
    "a document with its marks": ("---\nclouds:\n  a: {}\n...\n", f"---\nclouds:\n  a: {{}}\n{BLOCK}...\n"),
    "other indents": (
        "clouds:\n        a:\n         auth: {}\n",
        "clouds:\n        a:\n         auth: {}\n" + "".join(f"      {line}\n" for line in BLOCK.splitlines()),
    ),
    "line ends of Windows": ("clouds:\r\n  a: {}\r\n", ("clouds:\n  a: {}\n" + BLOCK).replace("\n", "\r\n")),
    "a literal text at the end": ("clouds:\n  a: |\n    text\n\n", f"clouds:\n  a: |\n    text\n{BLOCK}\n"),
    "its namesake between others": (
        "clouds:\n  a: {}\n  lab:\n    auth: {}\n    # theirs\n  # b's\n  b: {}\n",
        f"clouds:\n  a: {{}}\n{BLOCK}    # theirs\n  # b's\n  b: {{}}\n",
    ),
    "letters of all scripts": ("clouds:\n  žlutý: {}\n", f"clouds:\n  žlutý: {{}}\n{BLOCK}"),
}


@pytest.mark.parametrize(("before", "after"), PLACES.values(), ids=PLACES)
def test_the_entry_is_all_that_changes(before: str | None, after: str):
    edit = with_entry(before, "lab", ENTRY, "f")
    assert edit.after == after
    assert (edit.changes, edit.replaces) == (True, before is not None and "lab:" in before)
    again = with_entry(after, "lab", ENTRY, "f")
    assert not again.changes
    assert yaml.safe_load(after)["clouds"]["lab"] == ENTRY


REFUSED = {
    "not YAML": ("clouds:\n  a: [\n", "line 3"),
    "a tab": ("clouds:\n\ta: 1\n", "line 2"),
    "two documents": ("a: 1\n---\nb: 2\n", "but found another document"),
    "a tag of some program": ("clouds:\n  a: !!python/object:os.system {}\n", "line 2"),
    "a name twice": ("clouds:\n  a: {}\n  b: {}\n  a: {}\n", "line 4: the name a stands there twice"),
    "a name twice inside": ("clouds:\n  a:\n    x: {y: 1, y: 2}\n", "the name y stands there twice"),
    "a list": ("- clouds\n", "not a list of clouds"),
    "clouds as a list": ("clouds: [a]\n", "not a list of clouds"),
    "one word": ("clouds\n", "not a list of clouds"),
    "an alias to nothing": ("clouds:\n  a: *b\n", "line 2"),
    "braces all over": ('{"clouds": {"a": {}}}\n', "in braces"),
    "clouds in braces": ("clouds: {a: {}}\n", "in braces"),
    "a namesake that others refer to": ("clouds:\n  lab: &x {a: 1}\n  b: *x\n", "cannot add to"),
    "a text that holds itself": ("x: &x [*x]\nclouds:\n  a: {}\n", "cannot add to"),
    "a literal text that ends like a comment": ("clouds:\n  a: |\n    x\n    # y\n", "cannot add to"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_or_added_to_is_refused(text: str, why: str):
    with pytest.raises(CloudsFileInvalid, match=why) as refused:
        with_entry(text, "lab", ENTRY, "clouds.yaml")
    if "braces" in why or "add to" in why:
        assert "auth_type: v3p3idp" in refused.value.hint, "for a person to put in"


def test_what_a_person_added_to_the_entry_stays():
    text = f"{WHOLE}    region_name: Two\n"
    assert not with_entry(text, "lab", ENTRY, "f").changes
    assert with_entry(text.replace("p3\n", "other\n"), "lab", ENTRY, "f").replaces


def test_the_difference_shows_no_secret_of_a_neighbour():
    hidden = "hunter2-canary"
    lines = [f"password: {hidden}", f"'application_credential_secret': '{hidden}'", f"auth: {{token: {hidden}, x: 1}}",
             f'"OS_PASSWORD": "{hidden}"', "access_token_file: ~/token", "auth_type: token"]  # fmt: skip
    for line in lines:
        edit = with_entry(f"clouds:\n  a:\n    {line}\n", "lab", ENTRY, "f")
        shown = "\n".join(edit.diff("f"))
        assert hidden not in shown
        assert line.split(":")[0] in shown
        assert ("***" in shown) is (hidden in line)


def test_names_and_values_are_quoted_where_they_must_be():
    strange = {"auth": {"project_name": "yes", "x": "a: b # c", "y": "  two\nlines"}}
    edit = with_entry("clouds:\n  a: {}\n", "cloud.example.org:5000 #1", strange, "f")
    assert yaml.safe_load(edit.after)["clouds"] == {"a": {}, "cloud.example.org:5000 #1": strange}


def test_entries_are_listed_in_the_order_of_the_file():
    assert list(entries("clouds:\n  b: {}\n  a: {auth: {}}\n  c: 1\n", "f")) == ["b", "a"]
    assert dict(entries(None, "f")) == {}
