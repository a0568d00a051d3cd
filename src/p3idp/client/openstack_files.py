"""The files that openstacksdk reads: clouds.yaml and secure.yaml. Owns where they are, and how one is replaced whole.

The places are openstacksdk's (openstack/config/loader.py): a variable names a file; else this directory, the user's,
then the machine's. The first that exists is read, and no other.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from p3idp.client.env import new_token
from p3idp.errors.clouds_yaml import CloudsFileInvalid, CloudsFileNotWritten, SecretFileOpen

CLOUDS, SECURE = "clouds", "secure"
_VARIABLES = {CLOUDS: "OS_CLIENT_CONFIG_FILE", SECURE: "OS_CLIENT_SECURE_FILE"}
_MOST_BYTES = 4 * 1024 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def file_in_use(kind: str) -> Path:
    """The user's file of this kind: the one that openstacksdk would read here, else where a new one belongs.

    A machine-wide one is not the user's to change: ``hidden_by`` tells of it.
    """
    named = os.environ.get(_VARIABLES[kind])
    if named:
        return Path(named).expanduser()
    found = (path for place in (Path.cwd(), *_user_places()) for path in _names(place, kind) if path.exists())
    return next(found, _user_places()[0] / f"{kind}.yaml")


def hidden_by(file: Path, kind: str) -> Path | None:
    """The machine-wide file that would be read no more once this one is there, if any."""
    if file.exists() or os.environ.get(_VARIABLES[kind]):
        return None
    places = (Path(platformdirs.site_config_dir("openstack", "OpenStack")), Path("/etc/openstack"))
    return next((path for place in places for path in _names(place, kind) if path.exists()), None)


def _user_places() -> tuple[Path, ...]:
    return Path(platformdirs.user_config_dir("openstack", "OpenStack")), Path.home() / ".config/openstack"


def _names(place: Path, kind: str) -> Iterator[Path]:
    return (place / f"{kind}{ending}" for ending in (".yaml", ".yml", ".json"))


def read_text(file: Path) -> str | None:
    """The file's text, line ends as they are; None where there is no file. Raises CloudsFileInvalid."""
    try:
        with file.open("rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise CloudsFileInvalid(f"{file} is not a file.")
            data = opened.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise CloudsFileInvalid(f"{file} cannot be read: {exc.strerror}.") from exc
    if len(data) > _MOST_BYTES:
        raise CloudsFileInvalid(f"{file} is too large to be a list of clouds.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise CloudsFileInvalid(f"{file} is not text in UTF-8.") from exc


def refuse_open(file: Path) -> None:
    """A file that is to hold a secret is its owner's alone. Raises SecretFileOpen."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if hasattr(os, "geteuid") and mode & _OTHERS:
        raise SecretFileOpen(f"{file} is to hold a secret, and is open to others.", hint=f"chmod 600 {file}")


def replace_text(file: Path, before: str | None, after: str | None) -> None:
    """Put the new text in place of the old one: whole, or not at all. Raises CloudsFileNotWritten.

    A link is followed and stays; rights stay, and a new file is its owner's alone. ``before`` is what was read: where
    somebody else wrote meanwhile, nothing is. Without ``after`` the file is taken away.
    """
    target = Path(os.path.realpath(file))
    try:
        _refuse_protected(target)
        if after is None:
            _refuse_changed(target, before)
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _beside(target, after) as temporary:
            _refuse_changed(target, before)
            temporary.replace(target)
    except OSError as exc:
        raise CloudsFileNotWritten(f"{file} cannot be written: {exc.strerror}.") from exc


def _refuse_changed(target: Path, before: str | None) -> None:
    if read_text(target) != before:
        raise CloudsFileNotWritten(f"{target} was changed meanwhile.", hint="Call the command again.")


def _refuse_protected(target: Path) -> None:
    """A file that was made read-only is not replaced, though its directory would allow that."""
    if target.exists() and not (target.stat().st_mode & stat.S_IWUSR and os.access(target, os.W_OK)):
        raise CloudsFileNotWritten(f"{target} is write-protected.")


@contextmanager
def _beside(target: Path, text: str) -> Iterator[Path]:
    """A file beside the target with this text on the disk, and the target's rights."""
    temporary = target.with_name(f".{target.name}.{new_token()[:16]}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        try:
            left = memoryview(text.encode("utf-8"))
            while left:
                left = left[os.write(handle, left) :]
            if target.exists():
                _give_rights(handle, target.stat())
            os.fsync(handle)
        finally:
            os.close(handle)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _give_rights(handle: int, like: os.stat_result) -> None:
    if not hasattr(os, "fchown"):  # Windows has neither
        return
    mine = os.fstat(handle)
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(handle, like.st_uid, like.st_gid)  # refused: then the old file stays as it is
    os.fchmod(handle, stat.S_IMODE(like.st_mode))
