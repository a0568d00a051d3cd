"""Where a secret is, instead of the secret. Owns references and how files and environment answer them."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from p3idp.core.secret import Secret
from p3idp.errors.settings import SecretUnavailable

_BY_REFERENCE = 'a secret is given by reference: { file = "path" } or { env = "NAME" }'


class SecretRef(BaseModel):
    """``{ file = "…" }`` or ``{ env = "…" }``: exactly one. A secret itself in the settings is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Path | None = None
    env: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _not_the_secret_itself(cls, given: object) -> object:
        if isinstance(given, str):
            raise ValueError(f"{_BY_REFERENCE}; the secret itself must not stand here")
        return given

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError(_BY_REFERENCE)
        return self

    def resolve(self) -> Secret[str]:
        """Read the secret. Raises SecretUnavailable where it is missing, empty or readable by everyone."""
        value = self._read_file(self.file) if self.file is not None else os.environ.get(self.env or "", "")
        if not value.strip():
            raise SecretUnavailable(f"The secret at {self} is missing or empty.")
        return Secret(value.strip())

    def _read_file(self, path: Path) -> str:
        try:
            if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise SecretUnavailable(f"The secret file {path} is open to everyone.", hint=f"chmod 0600 {path}")
            return path.read_text(encoding="utf-8")
        except OSError as exc:
            raise SecretUnavailable(f"The secret file {path} cannot be read: {exc.strerror}.") from exc
        except UnicodeDecodeError as exc:
            raise SecretUnavailable(f"The secret file {path} is not text in UTF-8.") from exc

    def __str__(self) -> str:
        return f"file {self.file}" if self.file is not None else f"environment variable {self.env}"


def known_secrets(settings: BaseModel) -> tuple[str, ...]:
    """Every secret that these settings refer to and that can be read now, for a redaction to look for."""
    found: list[str] = []
    _collect(settings, found)
    return tuple(sorted(set(found)))


def _collect(value: object, found: list[str]) -> None:
    if isinstance(value, SecretRef):
        with suppress(SecretUnavailable):
            secret = value.resolve().reveal()
            found.extend({secret, *secret.split()})  # a file may hold several keys
    elif isinstance(value, BaseModel):
        for _, inner in value:
            _collect(inner, found)
    elif isinstance(value, dict):
        for inner in value.values():
            _collect(inner, found)
