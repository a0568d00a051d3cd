"""The policy directory as a place that is changed. Owns how one community's file comes, changes and goes.

A file is replaced whole or not at all, and durable when a call returns: a power cut leaves the old one or the new.
Nothing is ever written through a symbolic link.
"""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from p3idp.adapters.policy_files import edit, edit_people
from p3idp.adapters.policy_files.load import COMMUNITIES, load_policy, load_site
from p3idp.adapters.policy_files.nodes import MAX_BYTES
from p3idp.adapters.policy_files.write import community_text
from p3idp.core.policy.model import Community, NamedPerson, Policy, Site, Suspension
from p3idp.errors.command import FileUnusable
from p3idp.errors.community import CommunityExists, CommunityFileOdd, CommunityUnknown


class PolicyDirectory:
    """One policy directory (see ports.policy_text)."""

    def __init__(self, root: Path, *, lab: bool = False) -> None:
        self._root, self._lab = root, lab

    def policy(self, instead: Mapping[str, bytes | None]) -> Policy:
        """See ports.policy_text.PolicyReader."""
        return load_policy(self._root, lab=self._lab, instead=instead)

    def site(self) -> Site:
        """See ports.policy_text.PolicyReader."""
        return load_site(self._root, lab=self._lab)

    def names(self) -> tuple[str, ...]:
        """See ports.policy_text.PolicyReader."""
        with _telling("the communities"):
            try:
                files = os.listdir(self._root / COMMUNITIES)
            except FileNotFoundError:
                return ()
        return tuple(sorted(file.removesuffix(".yaml") for file in files if file.endswith(".yaml") and file[0] != "."))

    def path(self, name: str) -> str:
        """See ports.policy_text.PolicyReader."""
        return f"{COMMUNITIES}/{name}.yaml"

    def text(self, name: str) -> bytes:
        """See ports.policy_text.PolicyReader."""
        with _telling(f"{self._file(name)}"):
            return self._read(name)[0]

    def composed(self, community: Community, site: Site) -> bytes:
        """See ports.policy_text.PolicyReader."""
        return community_text(community, site).encode()

    def suspended(self, name: str, text: bytes, stopped: Suspension | None) -> bytes:
        """See ports.policy_text.PolicyReader."""
        file = self.path(name)
        return edit.with_suspension(file, text, stopped) if stopped else edit.without_suspension(file, text)

    def with_person(self, name: str, text: bytes, person: NamedPerson) -> bytes:
        """See ports.policy_text.PolicyReader."""
        return edit_people.with_person(self.path(name), text, person)

    def without_people(self, name: str, text: bytes, gone: Collection[int]) -> bytes:
        """See ports.policy_text.PolicyReader."""
        return edit_people.without_people(self.path(name), text, gone)

    def write(self, name: str, before: bytes | None, after: bytes | None) -> None:
        """See ports.policy_text.PolicyWriter."""
        file = self._file(name)
        with _telling(f"{file}"):
            if before is None:
                file.parent.mkdir(exist_ok=True)
            status = self._unchanged(name, before)
            if after is None:
                file.unlink()
            else:
                self._place(file, after, status)
            _make_durable(file.parent)

    def _file(self, name: str) -> Path:
        return self._root / self.path(name)

    def _read(self, name: str) -> tuple[bytes, os.stat_result]:
        file = self._file(name)
        if file.is_symlink():
            raise CommunityFileOdd(f"{self.path(name)} is a symbolic link; what it points to is not changed.")
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError as exc:
            raise CommunityUnknown(f"The policy has no community {name}.") from exc
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise CommunityFileOdd(f"{self.path(name)} is not a file.")
            return opened.read(MAX_BYTES + 1), status

    def _unchanged(self, name: str, before: bytes | None) -> os.stat_result | None:
        """What is known of the file as it was looked at; an editor may have saved another one since."""
        if before is None:
            return None
        now, status = self._read(name)
        if now != before:
            raise CommunityFileOdd(f"{self.path(name)} changed meanwhile.", hint="Call the command again.")
        return status

    def _place(self, file: Path, content: bytes, status: os.stat_result | None) -> None:
        aside = file.with_name(f".{file.name}.new")  # the loader passes over names that begin with a dot
        aside.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as opened:
                opened.write(content)
                opened.flush()
                if status is not None:
                    os.fchmod(opened.fileno(), stat.S_IMODE(status.st_mode))
                    with suppress(PermissionError):  # only root may give a file away, and then should
                        os.fchown(opened.fileno(), status.st_uid, status.st_gid)
                os.fsync(opened.fileno())
            if status is None:
                os.link(aside, file)  # unlike a rename, this refuses where somebody was faster
            else:
                os.replace(aside, file)
        except FileExistsError as exc:
            raise CommunityExists(f"{file.relative_to(self._root)} is there already.") from exc
        finally:
            aside.unlink(missing_ok=True)


def _make_durable(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _telling(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise FileUnusable(f"{what}: {exc.strerror or exc}; nothing was changed.") from exc
