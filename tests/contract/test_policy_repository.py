"""Which commit a policy is at, and what that follows: one suite for the twin in memory and for git itself."""

import os
import shutil
from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, Tree
from policy_repository import WHO, Checkout

from p3idp.adapters.git import GitRepository
from p3idp.adapters.memory.repository import MemoryRepository
from p3idp.adapters.policy_files.texts import is_policy_file
from p3idp.errors.repository import RepositoryUnreadable

ONE = {
    "site.yaml": "one\n",
    "communities/a.yaml": "a\n",
    "environments/alt-1.yaml": "{}\n",
    "keystone/egi.json": "[]\n",
}
TWO = {**ONE, "communities/a.yaml": "b\n"}
THREE = {**TWO, "communities/c.yaml": "c\n"}


class InMemory:
    def __init__(self) -> None:
        self.port = MemoryRepository()

    def make(self, files, *parents: str) -> str:
        return self.port.make(files, parents or None)

    def back_to(self, commit: str) -> None:
        self.port.head = commit


@pytest.fixture(params=["memory", "git", "git, the policy at the top", "git, the policy deep down"])
def made(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "memory":
        return InMemory()
    return Checkout(
        tmp_path / "r", {"git": "policy", "git, the policy at the top": "."}.get(request.param, "a/b/policy")
    )


def test_before_the_first_commit_there_is_none(made):
    assert made.port.commit(ONE) is None


def test_the_commit_that_is_checked_out_is_told_with_the_files_that_differ(made):
    first = made.make(ONE)
    assert str(made.port.commit(ONE)) == first[:12]
    assert made.port.commit(TWO).changed == ("communities/a.yaml",)
    assert made.port.commit(THREE).changed == ("communities/a.yaml", "communities/c.yaml")
    assert made.port.commit({"site.yaml": "one\n"}).changed == tuple(sorted(ONE.keys() - {"site.yaml"}))


def test_a_commit_follows_itself_and_what_came_before(made):
    first, second = made.make(ONE), made.make(TWO)
    assert made.port.seek(second, second, TWO).follows
    assert made.port.seek(second, first, ONE).follows


def test_an_older_commit_does_not_follow_a_newer_one(made):
    first, second = made.make(ONE), made.make(TWO)
    found = made.port.seek(first, second, TWO)
    assert (found.follows, found.start, found.wanted) == (False, True, True)


def test_a_commit_of_another_branch_is_not_followed_before_it_is_merged(made):
    base = made.make(ONE)
    theirs = made.make(TWO, base)
    ours = made.make({**ONE, "site.yaml": "two\n"}, base)
    assert not made.port.seek(ours, theirs, TWO).follows
    merged = made.make({**TWO, "site.yaml": "two\n"}, ours, theirs)
    assert made.port.seek(merged, theirs, TWO).follows


def test_a_commit_that_was_squashed_or_rebased_is_known_by_its_policy(made):
    base = made.make(ONE)
    applied = made.make(TWO, base)
    squashed = made.make(TWO, base)
    later = made.make(THREE, squashed)
    assert made.port.seek(later, applied, TWO).follows
    assert made.port.seek(later, "0" * 40, TWO).follows
    assert not made.port.seek(later, "0" * 40, {**TWO, "site.yaml": "x\n"}).follows


def test_what_the_repository_lacks_is_told_apart_from_what_is_elsewhere_in_it(made):
    first = made.make(ONE)
    found = made.port.seek(first, "0" * 40, TWO)
    assert (found.follows, found.start, found.wanted, found.shallow) == (False, True, False, False)
    assert not made.port.seek("0" * 40, first, ONE).start


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "r")
    made.make(ONE)
    return made


def test_a_directory_in_no_repository_has_no_commit(tmp_path: Path):
    (tmp_path / "policy").mkdir()
    assert GitRepository(tmp_path / "policy", is_policy_file).commit(ONE) is None


def test_a_directory_that_nobody_committed_has_no_commit(checkout: Checkout):
    """Such as a lab's copy that lies, ignored, in somebody's checkout."""
    (checkout.root / ".lab" / "mappings").mkdir(parents=True)
    assert GitRepository(checkout.root / ".lab" / "mappings", is_policy_file).commit(ONE) is None


def test_other_files_of_the_repository_are_not_the_policys(checkout: Checkout):
    for name in ("README.md", "policy/README.md", "policy/communities/.draft.yaml", "policy/.gitlab-ci.yml"):
        (checkout.root / name).write_text("x")
    commit = checkout.save()
    (checkout.root / "policy/README.md").write_text("changed")
    assert (str(checkout.port.commit(ONE)), checkout.port.commit(ONE).changed) == (commit[:12], ())


def test_a_link_to_the_checkout_is_the_checkout(checkout: Checkout, tmp_path: Path):
    (tmp_path / "etc").symlink_to(checkout.directory)
    assert GitRepository(tmp_path / "etc", is_policy_file).commit(ONE) is not None


def test_a_worktree_is_read_where_its_repository_is(checkout: Checkout, tmp_path: Path):
    there = tmp_path / "worktree"
    control = checkout.root / ".git" / "worktrees" / "w"
    control.mkdir(parents=True)
    (control / "commondir").write_text("../..\n")
    (control / "HEAD").write_text(checkout.repo.head().decode() + "\n")
    shutil.copytree(checkout.directory, there / "policy")
    (there / ".git").write_text(f"gitdir: {control}\n")
    assert GitRepository(there / "policy", is_policy_file).commit(ONE).changed == ()


def test_a_shallow_clone_says_that_it_may_just_lack_the_history(checkout: Checkout):
    first = checkout.repo.head().decode()
    second = checkout.make(TWO)
    (checkout.root / ".git" / "shallow").write_text(f"{second}\n")
    found = checkout.port.seek(second, first, ONE)
    assert (found.follows, found.shallow) == (False, True)
    assert checkout.port.seek(second, second, TWO).follows


HOSTILE = """\
[core]
\trepositoryformatversion = 0
\tfsmonitor = {run}
\thooksPath = {hooks}
\tsshCommand = {run}
\tworktree = /
\tattributesFile = {attributes}
\tpager = {run}
[filter "evil"]
\tclean = {run}
\tsmudge = {run}
\tprocess = {run}
\trequired = true
[diff "evil"]
\ttextconv = {run}
\tcommand = {run}
[remote "origin"]
\turl = ext::{run}
\tpromisor = true
\tuploadpack = {run}
[include]
\tpath = {included}
"""


def test_nothing_that_a_hostile_repository_names_is_run(checkout: Checkout, tmp_path: Path):
    traces, run = tmp_path / "ran", tmp_path / "run.sh"
    run.write_text(f"#!/bin/sh\necho ran >> {traces}\ncat\n")
    run.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "post-checkout", "reference-transaction", "pre-commit", "fsmonitor-watchman"):
        shutil.copy(run, hooks / hook)
    included = tmp_path / "included"
    included.write_text(f"[core]\n\tgitProxy = {run}\n")
    attributes = tmp_path / "attributes"
    attributes.write_text("* filter=evil diff=evil\n")
    (checkout.directory / ".gitattributes").write_text("* filter=evil diff=evil\n")
    names = {"run": run, "hooks": hooks, "included": included, "attributes": attributes}
    second = checkout.make(TWO)
    (checkout.root / ".git" / "config").write_text(HOSTILE.format(**names))
    assert checkout.port.commit(ONE).changed == ("communities/a.yaml",)
    assert checkout.port.seek(second, "0" * 40, ONE).follows
    assert not traces.exists()


@pytest.mark.parametrize("damage", ["an object", "the head", "the pack", "the format"])
def test_a_damaged_repository_is_one_error(checkout: Checkout, damage: str):
    control = checkout.root / ".git"
    head = checkout.repo.head().decode()
    if damage == "an object":
        (control / "objects" / head[:2] / head[2:]).write_bytes(b"nonsense")
    elif damage == "the head":
        (control / "HEAD").write_bytes(b"\xff\xfe nonsense")
    elif damage == "the pack":
        (control / "objects" / head[:2] / head[2:]).unlink()
    else:
        (control / "config").write_text("[core]\n\trepositoryformatversion = 9\n")
    with pytest.raises(RepositoryUnreadable, match="cannot be read"):
        checkout.port.commit(ONE)


def test_a_repository_that_somebody_else_made_above_is_not_believed(checkout: Checkout, monkeypatch):
    """Anybody can make /tmp/.git."""
    stranger = os.stat_result((0o40755, 0, 0, 1, os.geteuid() + 4711, 0, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "lstat", lambda path: stranger)
    with pytest.raises(RepositoryUnreadable, match="belongs to another user"):
        checkout.port.commit(ONE)


def test_a_link_in_a_commit_is_no_file_of_the_policy(checkout: Checkout):
    """Its text could be made to look like any file's; and who checks it out reads what it leads to."""
    head = checkout.make({"site.yaml": "one\n"})
    policy = Tree()
    blob = Blob.from_string(b"one\n")
    policy.add(b"site.yaml", 0o120000, blob.id)
    root = Tree()
    root.add(b"policy", 0o040000, policy.id)
    commit = Commit()
    commit.tree, commit.parents = root.id, [checkout.repo.head()]
    commit.author = commit.committer = WHO
    commit.author_time = commit.commit_time = commit.author_timezone = commit.commit_timezone = 0
    commit.message = b"A link"
    for each in (blob, policy, root, commit):
        checkout.repo.object_store.add_object(each)
    checkout.back_to(commit.id.decode())
    assert checkout.port.commit({"site.yaml": "one\n"}) is None
    assert checkout.port.seek(commit.id.decode(), head, {"site.yaml": "one\n"}).follows


def test_what_is_no_commit_is_not_known(checkout: Checkout):
    head = checkout.make(ONE)
    tree = checkout.repo[checkout.repo.head()].tree.decode()
    assert not checkout.port.seek(head, tree, TWO).wanted
