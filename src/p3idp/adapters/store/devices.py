"""Sign-ins on another device, in the database. Owns what a row holds, how many there are, and that one step is one.

A row is the hash of a device code, the code that people type, three things to sort by, and the rest sealed: a copy of
the database redeems nothing. Which row it is stands inside the seal too.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from p3idp.adapters.store.engine import reading, writing
from p3idp.adapters.store.tables import DEVICES
from p3idp.core.device.device import REMEMBERED, Answer, Device, Upstream
from p3idp.core.secret import Secret
from p3idp.errors.access import LedgerUnavailable
from p3idp.errors.exchange import ExchangeUnavailable
from p3idp.ports.sessions import Seal

T = TypeVar("T")
MOST = 10_000
_D = DEVICES.c


@dataclass(frozen=True, slots=True)
class StoredDevices:
    """Implements ports.device.Devices. ``most``: how many are kept at all."""

    engine: Engine
    seal: Seal
    most: int = MOST

    def add(self, device: Device, now: datetime) -> bool:
        """See the port."""
        try:
            with writing(self.engine) as connection:
                connection.execute(delete(DEVICES).where(_D.until <= _milliseconds(now)))
                if self._is_taken(connection, device.user_code):
                    return False
                self._make_room(connection)
                connection.execute(insert(DEVICES).values(id=device.id, **self._row(device)))
        except LedgerUnavailable as exc:
            if not isinstance(exc.__cause__, IntegrityError):
                raise
            return False  # the same code at another replica, this very moment
        return True

    def find(self, user_code: str) -> Device | None:
        """See the port."""
        with reading(self.engine) as connection:
            row = connection.execute(select(DEVICES).where(_D.user_code == user_code)).first()
        return self._opened(row) if row is not None else None

    def change(self, device_id: str, step: Callable[[Device], tuple[Device | None, T]]) -> T | None:
        """See the port."""
        with writing(self.engine) as connection:
            # Locked until the transaction ends, where the database locks rows; SQLite has one writer anyway.
            row = connection.execute(select(DEVICES).where(_D.id == device_id).with_for_update()).first()
            device = self._opened(row) if row is not None else None
            if device is None:
                return None
            following, told = step(device)
            if following is None:
                connection.execute(delete(DEVICES).where(_D.id == device_id))
            elif following != device:
                connection.execute(update(DEVICES).where(_D.id == device_id).values(**self._row(following)))
            return told

    def _is_taken(self, connection: Connection, user_code: str) -> bool:
        return connection.execute(select(_D.id).where(_D.user_code == user_code)).first() is not None

    def _make_room(self, connection: Connection) -> None:
        over = (connection.execute(select(func.count()).select_from(DEVICES)).scalar() or 0) - self.most + 1
        if over <= 0:
            return
        oldest = select(_D.id).where(_D.anonymous).order_by(_D.at, _D.id).limit(over)
        dropped = connection.execute(oldest).scalars().all()
        if len(dropped) < over:
            raise ExchangeUnavailable("Too many people are signing in on other devices just now.", retry_after=60)
        connection.execute(delete(DEVICES).where(_D.id.in_(dropped)))

    def _row(self, device: Device) -> dict[str, object]:
        return {
            "user_code": device.user_code,
            "sealed": self.seal.close(_as_text(device).encode(), device.began_at),
            "anonymous": device.is_anonymous,
            "at": _milliseconds(device.began_at),
            "until": _milliseconds(device.until + REMEMBERED),
        }

    def _opened(self, row: Any) -> Device | None:
        """What a row holds; None where no key opens it, or it is not this row's."""
        content = self.seal.open(row.sealed, datetime.fromtimestamp(row.at / 1000, UTC))
        device = _from_text(content) if content is not None else None
        return device if device is not None and (device.id, device.user_code) == (row.id, row.user_code) else None


def _as_text(device: Device) -> str:
    upstream = device.upstream
    sent = asdict(replace(device, upstream=None))
    if upstream is not None:
        sent["upstream"] = {
            **asdict(replace(upstream, device_code=Secret(""), verifier=Secret(""))),
            "device_code": upstream.device_code.reveal(),
            "verifier": upstream.verifier.reveal(),
        }
    return json.dumps(sent, default=datetime.isoformat)


def _from_text(content: bytes) -> Device | None:
    try:
        kept = json.loads(content)
        busy, upstream = kept["busy_until"], kept["upstream"]
        moments = {name: datetime.fromisoformat(kept[name]) for name in ("began_at", "until", "poll_at")}
        typed = {
            "scopes": tuple(kept["scopes"]),
            "answer": Answer(kept["answer"]),
            "busy_until": datetime.fromisoformat(busy) if busy else None,
            "upstream": _upstream(upstream) if upstream else None,
        }
        return Device(**kept | moments | typed)
    except (ValueError, TypeError, KeyError):
        return None


def _upstream(kept: dict[str, Any]) -> Upstream:
    secrets = {name: Secret(kept[name]) for name in ("device_code", "verifier")}
    return Upstream(**kept | secrets | {"ask_at": datetime.fromisoformat(kept["ask_at"])})


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
