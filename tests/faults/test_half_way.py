"""An apply that ends half-way, at any write and in any way: going on ends at the new state, going back at the old one.

And at no moment of either does anybody have what neither side gives.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import half_way
import pytest
from half_way import NOW, Access, Person, access, beyond

from p3idp.adapters.memory.history import MemoryHistory, MemoryLock
from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.memory.ledger import MemoryLedger
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Snapshot
from p3idp.core.access.way_back import WayBack
from p3idp.core.audit.chain import LedgerRecord
from p3idp.core.audit.event import AuditEvent
from p3idp.core.policy.model import Policy
from p3idp.errors import P3idpError
from p3idp.errors.keystone import KeystoneConflict, KeystoneRefusedCredentials, KeystoneUnreachable
from p3idp.ops.access import AccessOps
from p3idp.ops.access_ledger import ACTION
from p3idp.ops.audit import verify_ledger


class Killed(BaseException):
    """SIGKILL, as far as Keystone sees it: the process does nothing more."""


ENDS: dict[str, tuple[bool, Callable[[], BaseException]]] = {
    "gone before the act": (False, lambda: KeystoneUnreachable("Keystone cannot be reached.")),
    "gone after the act": (True, lambda: KeystoneUnreachable("Keystone did not answer in time.")),
    "refused": (False, lambda: KeystoneConflict("Keystone did not take it (status 400).")),
    "acted, and refused": (True, lambda: KeystoneConflict("Keystone has it already (status 409).")),
    "password changed": (False, lambda: KeystoneRefusedCredentials("Keystone refused p3idp's account (401).")),
    "killed before the act": (False, Killed),
    "killed after the act": (True, Killed),
    "stopped by hand": (True, KeyboardInterrupt),
}
DANGERS = ("too-many-removals", "disables-provider", "changed-in-keystone", "rollback-in-force", "stopped-access")
ACCEPTED = (*DANGERS, "verbatim-rules", "verbatim-people", "any-client", "exposed-meanwhile", "access-ended")


class Ledger(MemoryLedger):
    """Takes nothing from a process that is dead."""

    dead: bool = False

    def append(self, event: AuditEvent) -> LedgerRecord:
        if self.dead:
            raise Killed
        return super().append(event)


class Breaking(MemoryKeystone):
    """Ends in some way at one write, and lists nothing from then on: what became of it is not known."""

    at: int = -1
    end: tuple[bool, Callable[[], BaseException]] = (False, Killed)
    broken: bool = False
    watch: Callable[[], None] | None = None
    dies: Callable[[], None] | None = None

    def write(self, change: Change) -> None:
        if self.at == 0:
            acts, error = self.end
            if acts:
                super().write(change)
            self.at, self.broken = -1, True
            if error is Killed and self.dies:
                self.dies()
            raise error()
        self.at -= 1
        super().write(change)
        if self.watch:
            self.watch()

    def read(self, domain: str, kinds: frozenset[Kind] = frozenset(Kind)) -> Snapshot:
        if self.broken:
            raise KeystoneUnreachable("Keystone cannot be reached.")
        return super().read(domain, kinds)


@dataclass
class Site:
    """A Keystone, records, and policies by name, as their texts."""

    policy: Policy
    known: dict[str, Policy] = field(default_factory=dict)
    keystone: Breaking = field(default_factory=Breaking)
    ledger: Ledger = field(default_factory=Ledger)
    history: MemoryHistory = field(default_factory=MemoryHistory)
    now: datetime = NOW
    goal: WayBack | None = None

    def choose(self, policy: Policy) -> None:
        self.policy = self.known[policy.texts["site.yaml"]] = policy

    @property
    def ops(self) -> AccessOps:
        return AccessOps(
            policy=lambda: self.policy,
            reader=self.keystone,
            writer=self.keystone,
            ledger=lambda: self.ledger,
            history=lambda: self.history,
            lock=MemoryLock,
            parse=lambda texts, _: self.known[texts["site.yaml"]],
            clock=lambda: self.now,
        )

    def apply(self) -> None:
        self.ops.apply(self.now, None, ACCEPTED)

    def go_back(self) -> None:
        """The same command again until it is done: to what stood before the run that ended half-way."""
        past = self.ops.past()
        self.goal = self.goal or WayBack(past.first_since_good(max(self.history.kept)), before=True)
        self.ops.rollback(self.goal, self.now, None, ACCEPTED)

    def access(self) -> dict[Person, Access]:
        return dict(access(self.keystone.read("egi")))


def site_between(seed: int) -> tuple[Site, random.Random]:
    """One policy applied, another one chosen."""
    rng = random.Random(seed)
    site = Site(half_way.drawn(rng))
    if seed % 4:
        site.choose(site.policy)
        site.apply()
    site.choose(half_way.drawn(rng))
    return site, rng


def break_at(site: Site, number: int, end: tuple[bool, Callable[[], BaseException]]) -> bool:
    """Whether the apply ended half-way."""
    site.keystone.at, site.keystone.end = number, end
    site.keystone.dies = lambda: setattr(site.ledger, "dead", True)
    with suppress(P3idpError, Killed, KeyboardInterrupt):
        site.apply()
    half, site.keystone.at, site.keystone.broken, site.ledger.dead = site.keystone.broken, -1, False, False
    return half


def ended(seed: int, end: str, way: Callable[[Site], None]) -> tuple[Site, dict[Person, Access], dict[Person, Access]]:
    """A run that broke at some write and in some way, and what was done about it; the access before and after it."""
    whole, _ = site_between(seed)
    writes = len(whole.keystone.writes)
    old = whole.access()
    whole.apply()
    new, count = whole.access(), len(whole.keystone.writes) - writes
    site, rng = site_between(seed)
    assert break_at(site, rng.randrange(count), ENDS[end])

    def look() -> None:
        assert not list(beyond(site.access(), old, new)), (seed, end)

    look()
    site.keystone.watch = look
    for _ in range(2):  # and whatever it is, it breaks a second time
        site.keystone.at, site.keystone.end = rng.randrange(6), ENDS["gone after the act"]
        with suppress(P3idpError):
            way(site)
        site.keystone.at, site.keystone.broken = -1, False
    way(site)
    assert site.ledger.open_intents(ACTION) == []
    verify_ledger(site.ledger)
    return site, old, new


CASES = [(seed, end) for number, end in enumerate(ENDS) for seed in range(number, number + 3 * len(ENDS), len(ENDS))]


@pytest.mark.parametrize(("seed", "end"), CASES)
def test_going_on_ends_at_the_new_state(seed, end):
    site, _, new = ended(seed, end, Site.apply)
    assert site.access() == new
    assert site.ops.plan(NOW).changes == ()


@pytest.mark.parametrize(("seed", "end"), CASES)
def test_going_back_ends_at_the_old_state(seed, end):
    site, old, _ = ended(seed, end, Site.go_back)
    assert site.access() == old
    site.apply()  # and the way forward is open again
    assert site.ops.plan(NOW).changes == ()
