"""Where the secret of a new application credential is kept. Owns that a place is ready before anything is made."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from p3idp.client import openstack_files
from p3idp.client.clouds_entry import entry_of_credential, secret_of_credential, variables_of_credential
from p3idp.client.clouds_yaml import entries, with_entry
from p3idp.client.credential_values import MadeCredential
from p3idp.client.openstack_files import CLOUDS, SECURE
from p3idp.errors.clouds_yaml import CloudsEntryTaken, CloudsFileNotWritten


class Place(Protocol):
    """Somewhere for a secret. ``files``: which; ``told``: the same for people."""

    files: list[str]
    told: str

    def keep(self, made: MadeCredential, ca_file: str) -> None:
        """Put it there."""
        ...


class CloudFiles:
    """An entry of clouds.yaml, and its secret in secure.yaml. Raises CloudsEntryTaken, or what these files raise."""

    def __init__(self, name: str, clouds: Path | None = None) -> None:
        self._name = name
        self._clouds, self._secure = clouds or openstack_files.file_in_use(CLOUDS), openstack_files.file_in_use(SECURE)
        self.files = [str(self._clouds), str(self._secure)]
        self.told = f"The cloud {name} is in {self._clouds}, and its secret in {self._secure}."
        openstack_files.refuse_open(self._secure)
        for file in (self._clouds, self._secure):
            text = openstack_files.read_text(file)
            if name in entries(text, str(file)):
                raise CloudsEntryTaken(f"{file} has a cloud named {name}.", hint="Choose another name with --as.")
            with_entry(text, name, {"auth": {}}, str(file))

    def keep(self, made: MadeCredential, ca_file: str) -> None:
        """Write both files, or neither. Raises CloudsFileNotWritten."""
        parts = ((self._secure, secret_of_credential(made)), (self._clouds, entry_of_credential(made, ca_file)))
        with contextlib.ExitStack() as undo:
            for file, entry in parts:
                edit = with_entry(openstack_files.read_text(file), self._name, entry, str(file))
                openstack_files.replace_text(file, edit.before, edit.after)
                undo.callback(openstack_files.replace_text, file, edit.after, edit.before)
            undo.pop_all()


class NewFile:
    """A new file of shell lines, its owner's alone from its first byte on; it goes again where nothing is kept.

    Raises CloudsFileNotWritten where there is one already, or no room.
    """

    def __init__(self, file: Path, lines: Callable[[dict[str, str]], str]) -> None:
        self._file, self._lines, self._kept = file, lines, False
        self.files = [str(file)]
        self.told = f"Its secret is in {file}; read it with: . {file}"

    def __enter__(self) -> Self:
        try:
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as exc:
            raise CloudsFileNotWritten(
                f"{self._file} cannot be made: {exc.strerror}.", hint="Name a new file in a directory of yours."
            ) from exc
        self._opened = os.fdopen(handle, "w", encoding="utf-8")
        return self

    def keep(self, made: MadeCredential, ca_file: str) -> None:
        """Write it, down to the disk. Raises CloudsFileNotWritten."""
        try:
            self._opened.write(self._lines(variables_of_credential(made, ca_file)))
            self._opened.flush()
            os.fsync(self._opened.fileno())
        except OSError as exc:
            raise CloudsFileNotWritten(f"{self._file} cannot be written: {exc.strerror}.") from exc
        self._kept = True

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(OSError):  # what a full disk did not take is said already
            self._opened.close()
        if error[0] is not None or not self._kept:
            self._file.unlink(missing_ok=True)
