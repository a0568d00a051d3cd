"""The site file as a text that is changed (ports.site_text). Owns which file that is, and its errors' names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from p3idp.adapters.policy_files.directory import PolicyDirectory
from p3idp.adapters.policy_files.edit_list import with_list
from p3idp.adapters.policy_files.load import SITE_FILE, load_policy
from p3idp.adapters.policy_files.texts import policy_from_texts
from p3idp.core.policy.model import Policy
from p3idp.errors.community import CommunityFileOdd, CommunityUnknown
from p3idp.errors.migration import SiteFileOdd


class SiteTextFile:
    """Implements ports.site_text.SiteText. ``lab`` permits plain http."""

    path = SITE_FILE

    def __init__(self, root: Path, *, lab: bool = False) -> None:
        self._root, self._lab, self._files = root, lab, _SiteFile(root, lab=lab)

    def text(self) -> bytes:
        """See ports.site_text.SiteTextReader."""
        with _as_site_file():
            return self._files.text(SITE_FILE)

    def policy(self, site: bytes | None = None) -> Policy:
        """See ports.site_text.SiteTextReader."""
        read = load_policy(self._root, lab=self._lab)
        if site is None:
            return read
        return policy_from_texts({**read.texts, SITE_FILE: site.decode(errors="replace")}, lab=self._lab)

    def listed(self, text: bytes, provider: str, key: tuple[str, ...], values: tuple[str, ...]) -> bytes:
        """See ports.site_text.SiteTextReader."""
        return with_list(SITE_FILE, text, ("identity_providers", provider, *key), values)

    def write(self, before: bytes, after: bytes) -> None:
        """See ports.site_text.SiteTextWriter."""
        with _as_site_file():
            self._files.write(SITE_FILE, before, after)


class _SiteFile(PolicyDirectory):
    """The directory's way of changing one file, with the site's."""

    def path(self, name: str) -> str:
        return name


@contextmanager
def _as_site_file() -> Iterator[None]:
    try:
        yield
    except (CommunityFileOdd, CommunityUnknown) as exc:
        raise SiteFileOdd(exc.detail, hint=exc.hint) from exc
