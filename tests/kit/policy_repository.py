"""Git repositories for tests, made by dulwich: no test asks for a git program."""

from collections.abc import Mapping
from pathlib import Path

from dulwich.objects import ObjectID
from dulwich.repo import Repo

from p3idp.adapters.git import GitRepository
from p3idp.adapters.policy_files.texts import is_policy_file

WHO = b"Ada <ada@example.org>"


class Checkout:
    """A repository whose directory ``place`` holds the policy."""

    def __init__(self, root: Path, place: str = "policy") -> None:

        self.root, self.directory = root, root / place
        self.directory.mkdir(parents=True, exist_ok=True)
        self.repo = Repo.init(root)
        self.port = GitRepository(self.directory, is_policy_file)

    def write(self, files: Mapping[str, str]) -> None:
        """Let the policy directory hold these files and no other."""
        for old in [each for each in self.directory.rglob("*") if each.is_file() and ".git" not in each.parts]:
            old.unlink()
        for name, text in files.items():
            file = self.directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def save(self, *parents: str) -> str:
        """Commit the whole tree as it stands, on the head or on other parents, and return the commit's id."""
        files = [
            each for each in self.root.rglob("*") if each.is_file() and ".git" not in each.relative_to(self.root).parts
        ]
        tree = self._tree(self.root, files)
        if parents:
            self.repo.refs[b"refs/heads/master"] = ObjectID(parents[0].encode())
        made = self.repo.get_worktree().commit(
            b"Change", committer=WHO, author=WHO, tree=tree, merge_heads=[ObjectID(p.encode()) for p in parents[1:]]
        )
        return made.decode()

    def make(self, files: Mapping[str, str], *parents: str) -> str:
        """Write these files and commit them."""
        self.write(files)
        return self.save(*parents)

    def back_to(self, commit: str) -> None:
        """Check a commit out: the reference alone, files are the test's."""
        self.repo.refs[b"refs/heads/master"] = ObjectID(commit.encode())

    def _tree(self, directory: Path, files: list[Path]) -> ObjectID:
        from dulwich.objects import Blob, Tree

        tree = Tree()
        for name in sorted({each.relative_to(directory).parts[0] for each in files if each.is_relative_to(directory)}):
            path = directory / name
            if path.is_dir():
                tree.add(name.encode(), 0o040000, self._tree(path, files))
            else:
                blob = Blob.from_string(path.read_bytes())
                self.repo.object_store.add_object(blob)
                tree.add(name.encode(), 0o100644, blob.id)
        self.repo.object_store.add_object(tree)
        return tree.id
