"""Names of projects that were listed here, for a shell to complete. Owns that file: names, and nothing secret."""

import contextlib
import json
from collections.abc import Iterable

from p3idp.client.cache.files import PrivateFiles
from p3idp.errors import P3idpError

_FILE = "projects.json"
_FORM = 1


class SeenProjects:
    """By the cloud's name, as they were when `p3idp projects` listed them."""

    def __init__(self, files: PrivateFiles) -> None:
        self._files = files

    def note(self, cloud: str, projects: Iterable[str]) -> None:
        """Keep the names, where they can be kept: no answer depends on them."""
        names = sorted(set(projects))
        with contextlib.suppress(P3idpError):
            known = self._known()
            if known.get(cloud) != names:
                with self._files.alone(_FILE, 5):
                    body = {"form": _FORM, "clouds": {**self._known(), cloud: names}}
                    self._files.write(_FILE, json.dumps(body, sort_keys=True).encode())

    def names(self, cloud: str) -> list[str]:
        """What was listed last. Raises CacheUnfit."""
        return self._known().get(cloud, [])

    def _known(self) -> dict[str, list[str]]:
        try:
            read = json.loads(self._files.read(_FILE) or b"{}")
            if read.get("form") != _FORM:
                return {}
            return {str(cloud): [str(name) for name in names] for cloud, names in read["clouds"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {}
