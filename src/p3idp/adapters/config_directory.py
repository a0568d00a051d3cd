"""A directory of generated files. Owns their modes, and that a file is replaced whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path


class FileDirectory:
    """Files in ``root``, which is made where it does not exist."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, files: Mapping[str, str], private: frozenset[str]) -> None:
        """Write each file beside its place and move it there; private ones are 0600 before they hold a byte."""
        self._root.mkdir(mode=0o755, parents=True, exist_ok=True)  # never looser: Apache runs as root what lies here
        for name in sorted(files):
            aside = self._root / f".{name}.new"
            aside.unlink(missing_ok=True)
            mode = 0o600 if name in private else 0o644
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(descriptor, mode)
                file.write(files[name])
                file.flush()
                os.fsync(descriptor)
            aside.rename(self._root / name)
