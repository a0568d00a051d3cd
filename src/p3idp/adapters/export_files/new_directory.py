"""A directory that is written once. Owns that it appears whole or not at all, and never over something else."""

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import mkdtemp

from p3idp.errors.export import TargetExists


def write_new(target: Path, files: Mapping[str, str], programs: Collection[str] = ()) -> None:
    """Write the files beside ``target`` and move them there as one. Raises TargetExists, OSError."""
    if os.path.lexists(target):
        raise TargetExists(f"{target} is there already.")
    parent = target.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    aside = Path(mkdtemp(prefix=f".{target.name}.", dir=parent))
    try:
        for name, text in files.items():
            _write(aside / name, text, 0o755 if name in programs else 0o644)
        aside.chmod(0o755)
        _move(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _sync(parent)


def _write(file: Path, text: str, mode: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8", newline="") as opened:
        os.fchmod(opened.fileno(), mode)
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())


def _move(aside: Path, target: Path) -> None:
    try:
        os.rename(aside, target)  # over an empty directory at most: the system refuses all else
    except OSError as exc:
        if os.path.lexists(target):
            raise TargetExists(f"{target} appeared meanwhile.") from exc
        raise


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
