"""A Keystone and a ledger in memory, and the runs of plan and apply on them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from policies import NOW, PolicyFiles

from p3idp.adapters.memory.history import MemoryHistory, MemoryLock
from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.memory.ledger import MemoryLedger
from p3idp.adapters.policy_files.texts import policy_from_texts
from p3idp.core.access.plan import Plan
from p3idp.core.access.resources import Key, Kind, Resource
from p3idp.core.access.way_back import WayBack
from p3idp.ops.access import AccessOps, Applied
from p3idp.ops.drift import Drift, find_drift
from p3idp.ops.people import PeopleView


@dataclass
class AccessWorld:
    """One site: its policy files, its Keystone, its ledger."""

    files: PolicyFiles
    keystone: MemoryKeystone = field(default_factory=MemoryKeystone)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    history: MemoryHistory = field(default_factory=MemoryHistory)
    lock: MemoryLock = field(default_factory=MemoryLock)
    now: datetime = NOW
    people: PeopleView | None = None

    @property
    def ops(self) -> AccessOps:
        return AccessOps(
            policy=self.files.load,
            reader=self.keystone,
            writer=self.keystone,
            ledger=lambda: self.ledger,
            history=lambda: self.history,
            lock=lambda: self.lock,
            parse=policy_from_texts,
            clock=lambda: self.now + timedelta(seconds=5),
            people=self.people,
        )

    def plan(self) -> Plan:
        return self.ops.plan(self.now)

    def apply(self, *accepted: str, digest: str | None = None) -> Applied:
        return self.ops.apply(self.now, digest, accepted)

    def plan_rollback(self, number: int, *, before: bool = False) -> Plan:
        return self.ops.plan_rollback(WayBack(number, before=before), self.now)

    def rollback(self, number: int, *accepted: str, digest: str | None = None, before: bool = False) -> Applied:
        return self.ops.rollback(WayBack(number, before=before), self.now, digest, accepted)

    def drift(self) -> Drift:
        return find_drift(self.ops.planned(self.now), self.ledger)

    def actions(self) -> list[str]:
        return [f"{change.action} {change.resource.kind} {change.resource.name}" for change in self.plan().changes]

    def findings(self) -> list[tuple[str, str]]:
        return [(finding.name, finding.subject) for finding in self.plan().findings]

    def holds(self, kind: Kind) -> list[Key]:
        return sorted(key for found, key in self.keystone.held if found is kind)

    def put(self, kind: Kind, key: Key, owner: str | None = None, **attributes: object) -> None:
        self.keystone.put(Resource(kind, key, attributes, owner))  # type: ignore[arg-type]  # a test may say anything
