"""Whatever somebody's clouds.yaml looks like: an entry is put in or refused, and not a byte of the others changes."""

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p3idp.client.clouds_yaml import with_entry
from p3idp.errors.clouds_yaml import CloudsFileInvalid

ENTRY = {"auth_type": "v3p3idp", "auth": {"auth_url": "https://k.test/v3", "project_name": "p3"}}
# What may stand in an entry, each line without the entry's own indent.
BODIES = [
    ["auth: {username: a, password: 'x: # y'}"],
    ["auth:", "  username: a", "  password: \"\\u00e9#\"", "region_name: One"],
    ["&anchor", "region_name: One"], ["<<: *defaults", "region_name: Two"], ["auth: *defaults"],
    ["password: |", "  two", "  # lines", "", "region_name: x"], ["password: >-", "  folded", "", "  text"],
    ["# only a comment", "x: 1  # and one behind"], ["x: 1", "", "", "# below"], ["- a", "- b"], ["x: [1,", "  2]"],
    ["x: 'of two", "  lines'"], ["\tx: 1"], ["x: \t1 \t"], ["? x", ": 1"], ["x: é\u2028", "y: \u00a0"],
    ["{}"], ["x: ~"],
]  # fmt: skip
NAMES = ["a", "b-1", "'q: uoted'", '"ü"', "lab", "1", "yes", "~", "clouds"]
BEFORE = ["# ours\n", "\n", "---\n", "%YAML 1.1\n---\n", "defaults: &defaults {verify: true}\n",
          "client:\n  force_ipv4: true\n", "cache: [1, 2]\n", "x: &x [*x]\n", " \n", "\t\n", "# \tt\n"]  # fmt: skip
AFTER = [
    "# the end\n",
    "\n\n",
    "...\n",
    "ansible:\n  expand_hostvars: false\n",
    "  # deep comment\n",
    "--- \nb: 1\n",
    "z: 1",
]
HEADS = [
    "clouds:",
    "clouds: # ours",
    "'clouds':",
    "clouds:  ",
    "clouds: {}",
    "clouds: ~",
    "clouds: &all",
    "clouds: {a: {}}",
    '{"clouds": {}}',
]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A clouds.yaml, mostly one that can be read."""
    indent = draw(st.sampled_from(["", " ", "  ", "    "]))
    lines = draw(st.lists(st.sampled_from(BEFORE), max_size=3))
    lines += [draw(st.sampled_from(HEADS)) + "\n"] if draw(st.integers(0, 9)) else []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True)):
        lines += [f"{indent}{name}:\n", *(f"{indent}  {each}\n" for each in draw(st.sampled_from(BODIES)))]
    text = "".join(lines + draw(st.lists(st.sampled_from(AFTER), max_size=2)))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"])))
    text = text.rstrip("\r\n") if draw(st.booleans()) else text
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


def entry_lines(text: str, name: str) -> tuple[int, int]:
    """Where the entry of this name begins and ends by PyYAML's reading; both the same where it has none."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for key, clouds in root.value if isinstance(root, yaml.MappingNode) else ():
        for each, value in clouds.value if key.value == "clouds" and isinstance(clouds, yaml.MappingNode) else ():
            if each.value == name:
                return each.start_mark.index, value.end_mark.index
    return -1, -1


def common(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@settings(max_examples=150, deadline=None)
@example("clouds: ~\n")
@given(texts())
def test_an_entry_comes_and_every_other_byte_stays(text: str):
    try:
        edit = with_entry(text, "lab", ENTRY, "clouds.yaml")
    except CloudsFileInvalid:
        return
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(edit.after)
    assert after["clouds"]["lab"] == ENTRY
    others = {name: each for name, each in (before.get("clouds") or {}).items() if name != "lab"}
    assert {name: each for name, each in after["clouds"].items() if name != "lab"} == others
    assert list(after) == list(before) + ([] if "clouds" in before else ["clouds"])
    start, end = entry_lines(text, "lab")
    head = common(text, edit.after)
    tail = min(common(text[::-1], edit.after[::-1]), len(text) - head)
    gone = text[head : len(text) - tail].strip(" ")
    if start >= 0:
        assert text[head:start].strip() == ""
        assert len(text) - tail <= end
        return
    assert gone in ("", "{}", "~", "&all"), "an empty list of clouds is all that may go"
    assert with_entry(edit.after, "lab", ENTRY, "clouds.yaml").changes is False
