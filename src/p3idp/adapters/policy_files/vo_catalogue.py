"""EGI's catalogue of communities (vo-mappings.yaml) to a value. Owns its form: ``vos:``, names, and one text each.

The file is a local copy: p3idp never fetches it.
"""

from collections.abc import Iterator
from pathlib import Path

from p3idp.adapters.policy_files.nodes import MAX_BYTES, Document, read_document
from p3idp.core.policy.vo_catalogue import Catalogue, Entry
from p3idp.errors.community import CatalogueInvalid
from p3idp.errors.policy import Place


def read_catalogue(path: Path) -> Catalogue:
    """Read a catalogue. A malformed entitlement in it is data; raises CatalogueInvalid for everything else."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise CatalogueInvalid(((str(path), 1, f"the catalogue cannot be read: {exc.strerror}"),)) from exc
    document = read_document(str(path), raw)
    mistakes = (*document.mistakes, *_mistakes(document))
    if mistakes:
        raise CatalogueInvalid(tuple(sorted(mistakes)))
    entries = (Entry(name, text, (document.file, document.line(("vos", name)))) for name, text in _listed(document))
    return Catalogue(str(path), {entry.vo: entry for entry in entries})


def _mistakes(document: Document) -> Iterator[Place]:
    if document.data is None:
        return
    vos = document.data.get("vos") if isinstance(document.data, dict) else None
    if not isinstance(vos, dict) or not vos:
        yield document.place((), "this is no catalogue of communities: it needs `vos:`, with a name and a text a line")
        return
    for name, text in vos.items():
        if not isinstance(text, str) or not name:
            yield document.place(("vos", name), f"`{name}` must be followed by the text of an entitlement")


def _listed(document: Document) -> Iterator[tuple[str, str]]:
    yield from document.data["vos"].items()
