"""Files of communities: what is written is what is meant, one key comes and goes with everything else left as it was,
and a file is replaced whole or not at all."""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from policies import ACCESS, SITE, PolicyFiles

from p3idp.adapters.policy_files import load_policy
from p3idp.adapters.policy_files.directory import PolicyDirectory
from p3idp.adapters.policy_files.edit import with_suspension, without_suspension
from p3idp.adapters.policy_files.vo_catalogue import read_catalogue
from p3idp.core.policy.model import Suspension
from p3idp.errors.command import FileUnusable
from p3idp.errors.community import CatalogueInvalid, CommunityExists, CommunityFileOdd, CommunityUnknown
from p3idp.errors.policy import PolicyInvalid

EXAMPLE = Path(__file__).parents[2] / "mappings"
STOPPED = Suspension(datetime(2026, 11, 22, 9, 30, tzinfo=UTC), "incident: #4711 'odd' \"logins\" ✓ ask\\us")

# Everything a community's file may hold.
WHOLE = """\
title: 'yes'
contact: "https://example.org/#whom: to ask"
valid: {from: 2026-01-01, until: 2028-01-01T12:00:00+01:00}
suspended: {since: 2026-05-01, reason: 2026-01-01 was worse}
projects:
  p3: {description: 'Machines: 3 # of them', properties: {egi.VO: /a/b, 'accounting:VO': 'true'}}
  theirs: {domain: elsewhere, existing: true}
access:
  - entitlement: urn:mace:egi.eu:group:a:b:role=vm_operator#aai.egi.eu
    group: a group
    assurance: [https://aai.egi.eu/LoA#High]
    identity_providers: [egi]
    issuing_clients: [keystone]
    valid: {until: 2027-01-01}
    projects: {p3: [reader, member], theirs: [reader]}
  - entitlement: urn:mace:egi.eu:group:a
    projects: {p3: [reader]}
examples:
  - title: "null"
    at: 2026-06-01
    claims: {entitlements: [urn:mace:egi.eu:group:a:b:role=vm_operator, ~x], azp: keystone}
    access: {p3: [member, reader], theirs: [reader]}
  - title: Ünïcode ✓ and a very long line that goes on and on and on and on and on and on and on and on and on and on
    claims: {}
    access: {}
"""


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path)


@pytest.fixture
def directory(files) -> PolicyDirectory:
    return PolicyDirectory(files.root)


def without_places(community):
    rules = tuple(replace(rule, place=("", 0)) for rule in community.rules)
    return replace(community, rules=rules, examples=tuple(replace(each, place=("", 0)) for each in community.examples))


@pytest.mark.parametrize("source", ["example", "whole"])
def test_a_written_community_reads_as_the_same(tmp_path, source):
    files = PolicyFiles(tmp_path, **{"whole": WHOLE})
    policy = files.load() if source == "whole" else load_policy(EXAMPLE)
    directory = PolicyDirectory(files.root if source == "whole" else EXAMPLE)
    for community in policy.communities:
        text = directory.composed(community, policy.site)
        again = next(c for c in directory.policy({community.name: text}).communities if c.name == community.name)
        assert without_places(again) == without_places(community)
        assert text == directory.composed(again, policy.site), "and writes as the same"


COMMENTED = ACCESS.replace("title:", "# Who they are\n\ntitle:", 1) + "\n# The end\n"
LAYOUTS = {
    "plain": ACCESS,
    "with comments around": COMMENTED,
    "with a document's mark": "---\n" + COMMENTED,
    "with CR and LF": COMMENTED.replace("\n", "\r\n"),
    "indented": "".join(f"  {line}" for line in ACCESS.splitlines(keepends=True)),
    "without a last newline": ACCESS.rstrip("\n"),
    "in many bytes": COMMENTED.replace("Who they are", "Jürgen ✓ \N{GRINNING FACE}"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_suspension_comes_and_goes_to_the_byte(files, directory, layout):
    raw = LAYOUTS[layout].encode()
    text = with_suspension("x", raw, STOPPED)
    assert directory.policy({"vo.access.egi.eu": text}).communities[1].suspended == STOPPED
    old, new = raw.splitlines(keepends=True), text.splitlines(keepends=True)
    at = next(number for number, line in enumerate(new) if line.strip() == b"suspended:")
    assert new[:at] + new[at + 3 :] == old, "three lines, and every other byte is as it was"
    assert without_suspension("x", text) == raw


@pytest.mark.parametrize(
    "suspended",
    ["suspended: {since: 2026-01-01}", "suspended:  # since\n  since: 2026-01-01\n  # for now\n  reason: x"],
    ids=["in one line", "in four"],
)
def test_a_suspension_that_a_person_wrote_goes_too(suspended):
    written = ACCESS.replace("projects:", f"{suspended}\n# Where\nprojects:", 1).encode()
    assert without_suspension("x", written) == ACCESS.replace("projects:", "# Where\nprojects:", 1).encode()


@pytest.mark.parametrize(
    "text",
    [
        "{title: a, contact: b}",
        "title: a\nsuspended: {since: 2026-01-01,\n  reason: x\n}\n",
        "suspended: {since: 2026-01-01}\n",
        "[a, b]",
        "just text",
    ],
    ids=["in braces", "a brace on its own line", "twice", "a list", "text"],
)
def test_what_is_written_oddly_is_left_to_a_person(text):
    raw = text.encode()
    with pytest.raises(CommunityFileOdd, match="line by line"):
        # the one or the other cannot be done to it, and neither is done wrongly
        (without_suspension if "reason" in text else with_suspension)(
            "x", raw, *([] if "reason" in text else [STOPPED])
        )


class TestADirectory:
    def test_a_file_is_made_changed_and_removed(self, files, directory):
        first, second = ACCESS.encode(), ACCESS.replace("title: ", "title: The ").encode()
        file = files.root / "communities/new.vo.yaml"
        directory.write("new.vo", None, first)
        assert file.read_bytes() == first
        file.chmod(0o640)
        directory.write("new.vo", first, second)
        assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (second, 0o640)
        directory.write("new.vo", second, None)
        assert directory.names() == ("training.egi.eu", "vo.access.egi.eu")
        assert not [name for name in os.listdir(file.parent) if name.startswith(".")], "nothing is left beside"

    def test_the_first_community_makes_the_directory(self, tmp_path):
        (tmp_path / "site.yaml").write_text(SITE)
        directory = PolicyDirectory(tmp_path)
        assert directory.names() == ()
        directory.write("new.vo", None, ACCESS.encode())
        assert directory.names() == ("new.vo",)

    def test_somebody_was_faster(self, files, directory):
        with pytest.raises(CommunityExists):
            directory.write("vo.access.egi.eu", None, b"x")
        with pytest.raises(CommunityFileOdd, match="changed meanwhile"):
            directory.write("vo.access.egi.eu", b"another", b"x")
        with pytest.raises(CommunityUnknown):
            directory.write("new.vo", b"gone meanwhile", b"x")
        assert directory.text("vo.access.egi.eu") == ACCESS.encode()

    def test_nothing_is_written_through_a_symbolic_link(self, files, directory, tmp_path):
        outside, inside = files.root / "outside", files.root / "communities/linked.yaml"
        outside.write_text("somebody else's")
        inside.symlink_to(outside)
        with pytest.raises(CommunityFileOdd, match="symbolic link"):
            directory.text("linked")
        for before in (None, b"somebody else's"):
            with pytest.raises((CommunityExists, CommunityFileOdd)):
                directory.write("linked", before, b"x")
        trap = files.root / "communities/.new.vo.yaml.new"
        trap.symlink_to(outside)
        directory.write("new.vo", None, ACCESS.encode())
        assert outside.read_text() == "somebody else's"
        assert inside.is_symlink()
        assert not trap.is_symlink()

    def test_a_directory_or_a_pipe_in_its_place_is_no_file(self, files, directory):
        (files.root / "communities/a.yaml").mkdir()
        os.mkfifo(files.root / "communities/b.yaml")
        for name in ("a", "b"):
            with pytest.raises((CommunityFileOdd, FileUnusable)):
                directory.text(name)

    def test_where_nothing_can_be_written_nothing_changes(self, tmp_path):
        (tmp_path / "communities").write_text("a file, no directory")
        for what in (lambda d: d.names(), lambda d: d.write("new.vo", None, b"x")):
            with pytest.raises(FileUnusable, match="communities"):
                what(PolicyDirectory(tmp_path))

    def test_content_is_durable_before_it_has_its_name_and_the_name_before_the_end(self, directory, monkeypatch):
        done: list[str] = []

        def noted(name):
            original = getattr(os, name)
            monkeypatch.setattr(os, name, lambda *words: (original(*words), done.append(name))[0])

        for name in ("fsync", "link", "replace"):
            noted(name)
        directory.write("new.vo", None, b"1")
        directory.write("new.vo", b"1", b"2")
        assert done == ["fsync", "link", "fsync", "fsync", "replace", "fsync"]

    def test_a_full_disk_leaves_the_old_file(self, files):
        """The system refuses to let any file grow past 100 bytes; the new one is longer."""
        program = (
            "import resource, sys; from pathlib import Path\n"
            "from p3idp.adapters.policy_files.directory import PolicyDirectory\n"
            "directory = PolicyDirectory(Path(sys.argv[1])); old = directory.text('vo.access.egi.eu')\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
            "for before, name in ((old, 'vo.access.egi.eu'), (None, 'new.vo')):\n"
            "    try: directory.write(name, before, old + b'#' * 200)\n"
            "    except Exception as exc: print(exc.code, exc.detail)\n"
        )
        before = sorted(os.listdir(files.root / "communities"))
        done = subprocess.run([sys.executable, "-c", program, str(files.root)], capture_output=True, text=True)
        assert done.stderr == ""
        assert [line.split()[0] for line in done.stdout.splitlines()] == ["file-unusable"] * 2
        assert "nothing was changed" in done.stdout
        assert sorted(os.listdir(files.root / "communities")) == before
        assert (files.root / "communities/vo.access.egi.eu.yaml").read_text() == ACCESS


def test_a_policy_can_be_looked_at_as_it_would_be(files, directory):
    after = directory.policy({"new.vo": ACCESS.replace("p3", "p4").encode(), "training.egi.eu": None})
    assert [community.name for community in after.communities] == ["new.vo", "vo.access.egi.eu"]
    assert after.digest != files.load().digest
    assert files.load().digest == directory.policy({}).digest, "nothing was written"
    with pytest.raises(PolicyInvalid, match=r"communities/new\.vo\.yaml:1"):
        directory.policy({"new.vo": b"x: 1"})


# (how it is spoilt, words of the message)
BAD_CATALOGUES = {
    "no file": (None, "cannot be read: No such file"),
    "no YAML": (b"vos: [", ":1: not YAML"),
    "a name twice": (b"vos:\n  a: x\n  a: y\n", ":3: `a` stands here twice; the first is on line 2"),
    "a NUL": (b"vos:\n  a: x\0\n", "a character that YAML does not allow"),
    "no UTF-8": (b"vos:\n  a: \xff\n", ":2: the file is not UTF-8"),
    "ten megabytes": (b"vos:\n" + b"# x\n" * 2_600_000, "larger than 256 kB"),
    "a bomb": (b"a: &a [x]\nvos: {b: *a}\n", "&a is an anchor"),
    "a number": (b"vos:\n  a: 7\n", ":2: `a` must be followed by the text"),
    "a list": (b"vos:\n  - a\n", "it needs `vos:`"),
    "no vos": (b"vo: {a: x}\n", "it needs `vos:`"),
    "nothing": (b"", "the file is empty"),
    "null": (b"null", "the file is empty"),
    "a number of 5,000 digits": (b"vos:\n  a: " + b"7" * 5_000, ":2: `a` must be followed by the text"),
}


@pytest.mark.parametrize("spoilt", BAD_CATALOGUES)
def test_a_bad_catalogue_is_refused_with_its_place(tmp_path, spoilt):
    raw, words = BAD_CATALOGUES[spoilt]
    file = tmp_path / "catalogue.yaml"
    if raw is not None:
        file.write_bytes(raw)
    with pytest.raises(CatalogueInvalid) as refused:
        read_catalogue(file)
    assert words in refused.value.detail
    assert refused.value.detail.startswith(f"{file}:")


def test_a_catalogue_that_never_ends_is_not_read_to_its_end():
    with pytest.raises(CatalogueInvalid, match="larger than 256 kB"):
        read_catalogue(Path("/dev/zero"))


SPOILT_COMMUNITIES = {
    "a suspension of nothing": ("title:", "suspended:\ntitle:", 1, "`suspended`: holds nothing; say since when"),
    "a suspension that is true": ("title:", "suspended: true\ntitle:", 1, "`suspended` must hold keys and values"),
    "no since": ("title:", "suspended: {reason: x}\ntitle:", 1, "`since` is missing"),
    "Keystone's own word": ("Machines", "x, properties: {tags: y}", 4, "Keystone's own word about a project"),
    "a property of the site's": (
        "Machines",
        "x, existing: true, properties: {egi.VO: y}",
        4,
        "`p3` is the site's own (`existing: true`), so p3idp sets no properties on it",
    ),
    "a property of nothing": ("Machines", "x, properties: {egi.VO: ''}", 4, "`egi.VO` must not be empty"),
}


@pytest.mark.parametrize("spoilt", SPOILT_COMMUNITIES)
def test_a_mistake_about_suspension_or_properties_is_told_with_its_line(files, spoilt):
    old, new, line, words = SPOILT_COMMUNITIES[spoilt]
    files.change("communities/vo.access.egi.eu.yaml", old, new)
    with pytest.raises(PolicyInvalid) as refused:
        files.load()
    ((file, at, told),) = refused.value.places
    assert (file, at) == ("communities/vo.access.egi.eu.yaml", line)
    assert words in told


def test_two_communities_cannot_say_two_things_of_one_project(files):
    shared = ACCESS.replace("{description: Machines}", "{properties: {egi.VO: %s}}").replace("vo.access.egi.eu", "%s")
    files.write("communities/a.yaml", shared % ("one", "one"))
    files.write("communities/b.yaml", shared % ("two", "two"))
    with pytest.raises(PolicyInvalid, match=r"b\.yaml:4: `egi\.VO` of the project p3@egi is `one` in communities/a\."):
        files.load()
    files.write("communities/b.yaml", shared % ("one", "two"))
    assert files.load()
