"""Replay remembered logins against a draft. Owns the run: what is read, what is left out and why, and the coverage."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from p3idp.core.policy.replay_compare import Comparison
from p3idp.errors.policy import ClaimsInvalid
from p3idp.errors.replay import NoLogins
from p3idp.ops.replay_logins import BadLine, Lines, Login, read_logins
from p3idp.ops.replay_sides import Sides

# So many lines are named, of those left out; all are counted.
MOST_NAMED = 1_000
_EVERY = 10_000
Progress = Callable[[int], None]


@dataclass(slots=True)
class LeftOut:
    """Lines that were left out: how many, and the first of them with the reason."""

    count: int = 0
    named: list[BadLine] = field(default_factory=list)

    def add(self, line: int, message: str) -> None:
        """One more."""
        self.count += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(BadLine(line, message))


@dataclass(slots=True)
class Replay:
    """A replay. ``logins`` were compared; of the others the claims are ``bad``, ``refused`` by both sides, or of
    ``other_providers`` than the one whose mapping this is.
    """

    comparison: Comparison
    logins: int = 0
    other_providers: int = 0
    bad: LeftOut = field(default_factory=LeftOut)
    refused: LeftOut = field(default_factory=LeftOut)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every line could be read, and something was compared."""
        return not self.bad.count and self.logins > 0


def replay(sides: Sides, file: Lines, progress: Progress = lambda logins: None) -> Replay:
    """Compare every login of ``file``. Raises NoLogins; a bad line is left out and counted, and never a change."""
    done = Replay(Comparison(sides.pair, sides.gifts))
    seen = 0
    for seen, read in enumerate(read_logins(file), 1):
        if isinstance(read, BadLine):
            done.bad.add(*read)
        elif sides.alone and read.provider not in (None, sides.provider):
            done.other_providers += 1
        else:
            _compare(done, read, sides.provider)
        if seen % _EVERY == 0:
            progress(seen)
    if not seen:
        raise NoLogins("There is no login to replay: nothing is known of what the draft would change.")
    return done


def _compare(done: Replay, login: Login, default: str | None) -> None:
    provider = default if login.provider is None else login.provider
    try:
        refusal = done.comparison.add(login.line, login.at, login.claims, provider)
    except ClaimsInvalid as exc:
        done.bad.add(login.line, exc.detail)
        return
    if refusal:
        done.refused.add(login.line, refusal)
        return
    done.logins += 1
    at = login.at
    if at is not None:
        if done.first is None or at < done.first:
            done.first = at
        if done.last is None or at > done.last:
            done.last = at
