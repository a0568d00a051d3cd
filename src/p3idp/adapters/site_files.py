"""Configuration files of this machine, read and never written. Owns how Include patterns are found."""

import glob
import stat
from pathlib import Path

from p3idp.core.site.apache_text import SourceFile

_MAX_BYTES = 4 * 1024 * 1024


class LocalFiles:
    """Files as they lie here. ``root`` is what a relative Include is relative to (Apache's ServerRoot)."""

    def __init__(self, root: Path = Path("/etc/apache2")) -> None:
        self._root = root

    def read(self, path: str) -> SourceFile | None:
        """The file; None where it is missing, unreadable, not text, or far too large."""
        file = Path(path)
        try:
            state = file.stat()
            if not stat.S_ISREG(state.st_mode) or state.st_size > _MAX_BYTES:
                return None
            return SourceFile(str(file), file.read_text(encoding="utf-8"), bool(state.st_mode & stat.S_IROTH))
        except (OSError, UnicodeDecodeError):
            return None

    def included(self, pattern: str) -> tuple[SourceFile, ...]:
        """A file, a pattern, or a directory, as Apache's Include takes them."""
        path = self._root / pattern
        names = sorted(str(p) for p in path.rglob("*")) if path.is_dir() else sorted(glob.glob(str(path)))
        return tuple(found for name in names if (found := self.read(name)) is not None)

    def exists(self, path: str) -> bool | None:
        """None where not even its directory is here: then it is meant for another host."""
        return Path(path).exists() if Path(path).parent.is_dir() else None
