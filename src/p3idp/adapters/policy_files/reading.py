"""The files of a policy directory as they are read: names, bytes, digest, and every mistake with its place.

Owns what counts as a file of the policy there; what the files together make is load.py's.
"""

import errno
import hashlib
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from p3idp.adapters.policy_files.explain import explain
from p3idp.adapters.policy_files.nodes import Document, read_document, shortened
from p3idp.errors.policy import Place, PolicyInvalid

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
M = TypeVar("M", bound=BaseModel)


class Files:
    """One reading. ``instead``: content that files would have; None for one that would be gone."""

    def __init__(self, root: Path, lab: bool, instead: Mapping[Path, bytes | None]) -> None:
        self.root, self.lab, self.instead = root, lab, instead
        self.places: list[Place] = []
        self.digest = hashlib.sha256()
        self.texts: dict[str, str] = {}

    def _check_root(self) -> None:
        try:
            os.listdir(self.root)
        except OSError as exc:
            told = f"the policy directory cannot be read: {exc.strerror}"
            raise PolicyInvalid(((str(self.root), 1, told),)) from exc

    def _well_named(self, files: Collection[Path], rule: str) -> list[Path]:
        good = []
        for file in sorted(files):
            if file.suffix == ".yaml" and _NAME.fullmatch(file.stem):
                good.append(file)
            else:
                self.places.append((self._name(file), 1, f"this file is not read: {rule}"))
        return good

    def _listed(self, part: str) -> set[Path]:
        """The files of a directory below, without what editors leave behind."""
        directory = self.root / part
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            names = []
        except OSError as exc:
            self.places.append((part, 1, f"the directory cannot be read: {exc.strerror}"))
            return set()
        return {directory / name for name in names if not name.startswith((".", "#")) and not name.endswith("~")}

    def _bytes(self, file: Path) -> bytes | None:
        name = self._name(file)
        try:
            raw = given if (given := self.instead.get(file)) is not None else _whole(file)
        except OSError as exc:
            self.places.append((name, 1, f"the file cannot be read: {exc.strerror}"))
            return None
        self.digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
        self.texts[name] = raw.decode(errors="replace")  # what is not UTF-8 is a mistake of its own
        return raw

    def _read(self, file: Path) -> Document:
        name = self._name(file)
        raw = self._bytes(file)
        if raw is None:
            return Document(name)
        document = read_document(name, raw)
        self.places.extend(document.mistakes)
        return document

    def _name(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def _validate(self, document: Document, model: type[M]) -> M | None:
        if document.data is None:
            return None
        try:
            return model.model_validate(document.data, context={"lab": self.lab})
        except ValidationError as exc:
            self.places.extend(shortened(explain(document, model, exc)))
            return None


def _whole(file: Path) -> bytes:
    if file.is_fifo():
        raise OSError(errno.EINVAL, "it is a pipe, and nobody may be writing")
    return file.read_bytes()
