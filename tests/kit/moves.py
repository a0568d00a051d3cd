"""People who came in by an old claim, a new one, or both; and a site whose policy is migrated."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from policies import ISSUER, NOW, OPERATOR, PolicyFiles, person

from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.adapters.memory.people import MemoryPeople
from p3idp.adapters.policy_files.site_text import SiteTextFile
from p3idp.core.access.people.known import ShadowUser, user_id
from p3idp.core.login.remembered import RememberedLogin, remembered
from p3idp.core.migration.move import Move, Subject
from p3idp.core.migration.status import Bounds, Status
from p3idp.ops.migrate import Migrations, carry_out

OLD, NEW = "eduperson_entitlement", "entitlements"
NEW_ISSUER = "https://new.test/auth/realms/egi"
CLAIM, ISSUERS = Move(Subject.CLAIM, OLD, NEW), Move(Subject.ISSUER, ISSUER, NEW_ISSUER)


def by(*old: str, new: Sequence[str] = (), days: int = 1, issuer: str = ISSUER, subject: str = "s") -> RememberedLogin:
    """Somebody who signed in so many days ago with these values under the old claim, and those under the new one."""
    values = tuple(sorted({*old, *new}))
    claims = person(*values, subject=subject, issuer=issuer)
    return remembered(claims, NOW - timedelta(days=days), ((OLD, old), (NEW, tuple(new))))


@dataclass
class MovingSite:
    """A policy directory, remembered people, and a Keystone that knows people."""

    files: PolicyFiles
    logins: MemoryLogins = field(default_factory=MemoryLogins)
    keystone: MemoryPeople = field(default_factory=MemoryPeople)
    now: datetime = NOW

    @property
    def text(self) -> SiteTextFile:
        return SiteTextFile(self.files.root)

    @property
    def ops(self) -> Migrations:
        return Migrations(self.text, lambda: self.logins, self.keystone.users)

    def meet(self, *logins: RememberedLogin) -> None:
        for number, login in enumerate(logins):
            named = login if login.subject != "s" else replace(login, subject=f"person-{number}")
            self.logins.remember(named)
            self.know(named.subject)

    def know(self, *subjects: str) -> None:
        made = (ShadowUser(user_id("domain", subject), subject, "egi") for subject in subjects)
        self.keystone.shadows.extend(made)

    def status(self, move: Move = CLAIM, **bounds: int) -> Status:
        return self.ops.status(move, Bounds(**bounds), self.now)

    def names(self, move: Move = CLAIM) -> list[str]:
        return [finding.name for finding in self.status(move).findings]

    def begin(self, move: Move) -> None:
        carry_out(self.ops.begin(move), self.text)

    def finish(self, move: Move = CLAIM, *accepted: str) -> None:
        carry_out(self.ops.finish(move, self.status(move), accepted), self.text)

    def site(self) -> str:
        return (self.files.root / "site.yaml").read_text(encoding="utf-8")


USUAL = by(OPERATOR, new=[OPERATOR])
