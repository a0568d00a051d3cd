"""A community's name as the world writes it, and the name of its file. Owns which names there can be."""

import re

from p3idp.errors.community import CommunityNameBad

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def file_name(vo: str) -> str:
    """The name of the policy's file for a community: VOMS-style ones lose their slashes, /biomed/vip is biomed.vip.

    Raises CommunityNameBad for what could lead elsewhere or is no name.
    """
    parts = vo.removeprefix("/").split("/")
    name = ".".join(parts)
    if not _FILE_NAME.fullmatch(name) or any(part.strip(".") != part or not part for part in parts):
        shown = vo if len(vo) <= 60 else f"{vo[:60]}…"
        raise CommunityNameBad(f"{shown!r} is no name of a community.")
    return name
