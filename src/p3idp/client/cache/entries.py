"""The cache's two kinds of entries, by name. Owns the form of a file and what becomes of one that cannot be read."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from p3idp.client.cache.files import PrivateFiles
from p3idp.client.cache.seal import NoSeal, Seal, SealBroken
from p3idp.client.identity import Identity, ProjectToken
from p3idp.errors import P3idpError
from p3idp.errors.client import SignInNeeded

T = TypeVar("T")
FORM = 1  # raise it when the shape changes: files of another form are set aside


class Failure(NamedTuple):
    """How an attempt to sign in ended: the error's code and words."""

    code: str
    detail: str


class Cache:
    """What is kept of sign-ins. ``seal`` is asked for at the first use; ``tell`` takes words for people."""

    def __init__(self, files: PrivateFiles, seal: Callable[[], Seal], tell: Callable[[str], None]) -> None:
        self.files, self._find_seal, self._tell = files, seal, tell
        self._seal: Seal | None = None

    @property
    def seal(self) -> Seal:
        """How entries are written here."""
        if self._seal is None:
            self._seal = self._find_seal()
        return self._seal

    def identity(self, issuer: str, client_id: str) -> Identity | None:
        """Who is signed in there, if anybody. Raises SignInNeeded where it is sealed and cannot be opened."""
        kept = self._read(identity_name(issuer, client_id))
        return _as(Identity.from_json, kept)

    def seen_identity(self, issuer: str, client_id: str) -> Identity | None:
        """The same, for whoever only looks: a file of another version stays where it is."""
        return _as(Identity.from_json, self._read(identity_name(issuer, client_id), moving=False))

    @contextmanager
    def room_for_identity(self, issuer: str, client_id: str) -> Iterator[Callable[[Identity], None]]:
        """Make sure of room before the old refresh token is used up. Raises CacheNotWritten."""
        with self.files.room(identity_name(issuer, client_id)) as keep:
            yield lambda identity: keep(self._written(identity.to_json()))

    def forget_identity(self, issuer: str, client_id: str) -> None:
        """Nobody is signed in there any more."""
        self.files.remove(identity_name(issuer, client_id))

    def project_token(self, name: str) -> ProjectToken | None:
        """The token kept under this name; one that cannot be opened is none, since another is soon made."""
        try:
            return _as(ProjectToken.from_json, self._read(name))
        except SignInNeeded:
            return None

    def keep_project_token(self, name: str, token: ProjectToken) -> None:
        """Keep it. Raises CacheNotWritten."""
        self.files.write(name, self._written(token.to_json()))

    def project_tokens(self) -> list[tuple[str, ProjectToken]]:
        """All that are kept, by name."""
        names = [name for name in self.files.names() if name.startswith("project-")]
        return [(name, token) for name in names if (token := self.project_token(name)) is not None]

    def note_failure(self, name: str, error: P3idpError, at: float) -> None:
        """Leave word for whoever waits that the attempt failed, and how."""
        body = {"at": at, "code": error.code, "detail": error.detail}
        self.files.write(f"{name}.failed", json.dumps(body).encode())

    def failure_since(self, name: str, moment: float) -> Failure | None:
        """How the last attempt failed, where that was after this moment."""
        try:
            noted = json.loads(self.files.read(f"{name}.failed") or b"{}")
            return Failure(str(noted["code"]), str(noted["detail"])) if noted["at"] >= moment else None
        except (ValueError, KeyError, TypeError):
            return None

    def _written(self, body: dict[str, Any]) -> bytes:
        text = json.dumps(body, sort_keys=True)
        return json.dumps({"form": FORM, "seal": self.seal.name, "body": self.seal.close(text)}).encode()

    def _read(self, name: str, *, moving: bool = True) -> Any:
        data = self.files.read(name)
        if data is None:
            return None
        try:
            outer = json.loads(data)
            form, seal, body = outer["form"], outer["seal"], outer["body"]
        except (ValueError, KeyError, TypeError):
            form = "unreadable"
        if form != FORM:
            if moving:
                self._set_aside(name, form)
            return None
        opener = NoSeal() if seal == NoSeal.name else self.seal
        try:
            return json.loads(opener.open(body))
        except (SealBroken, ValueError, AttributeError) as exc:
            raise SignInNeeded(
                "Your sign-in is kept encrypted, and its key is not in the keyring of this session.",
                hint="Unlock the keyring, or sign in again here: p3idp login",
            ) from exc

    def _set_aside(self, name: str, form: object) -> None:
        ending = f"form-{form}" if isinstance(form, int) else "unreadable"
        aside = self.files.set_aside(name, ending)
        self._tell(f"A file of another version of p3idp was set aside: {aside}")


def identity_name(issuer: str, client_id: str) -> str:
    """The file of an identity: one for each provider and client."""
    return f"identity-{_digest(issuer, client_id)}.json"


def project_token_name(*parts: str) -> str:
    """The file of a project's token: one for each person, way and project."""
    return f"project-{_digest(*parts)}.json"


def _digest(*parts: str) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _as(read: Callable[[Any], T], kept: Any) -> T | None:
    try:
        return None if kept is None else read(kept)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
