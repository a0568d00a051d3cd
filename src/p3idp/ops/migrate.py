"""Move the policy from one claim or issuer to another, stage by stage. Owns what is read for it, and what stops it.

Every change is prepared first and read back as the policy that it would make. Keystone learns of nothing here: that is
plan's and apply's.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.core.access.people.known import ShadowUsers
from p3idp.core.login.remembered import RememberedLogin
from p3idp.core.migration.move import Move, Names, Subject
from p3idp.core.migration.status import Bounds, Status, findings, notes, stages_of
from p3idp.core.migration.usage import Coverage, counted, coverage_of, losers, window
from p3idp.core.policy.examples import failed_examples
from p3idp.core.policy.model import IdentityProvider, Policy, Site
from p3idp.errors.keystone import KeystoneForbids
from p3idp.errors.migration import MigrationUnsafe
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.community import TextChange
from p3idp.ports.logins import LoginReader, Recalled
from p3idp.ports.site_text import SiteTextReader, SiteTextWriter

_REWRITE = "Once the old one is dropped, these examples would show nothing. Write them with"
# The users that Keystone has of these identity providers in this domain.
Users = Callable[[str, Collection[str]], ShadowUsers]


@dataclass(frozen=True, slots=True)
class Migrations:
    """Moves of one policy directory. Preparing a change takes the reader alone.

    ``logins``: None where nothing is remembered; ``users``: None where no Keystone is named. Both open when asked.
    """

    reader: SiteTextReader
    logins: Callable[[], LoginReader | None]
    users: Users | None

    def begin(self, move: Move) -> TextChange:
        """Both are accepted from now on. Raises MigrationImpossible, SiteFileOdd, PolicyInvalid."""
        return self._change(move, move.begun)

    def switch(self, move: Move) -> TextChange:
        """The new one stands first: sign-ins start at a provider's first issuer. Raises MigrationNotBegun besides."""
        return self._change(move, move.moved)

    def finish(self, move: Move, status: Status, accepted: Collection[str]) -> TextChange:
        """The old one goes. Raises MigrationUnsafe where a danger of ``status`` was not accepted by its name."""
        left = [finding for finding in status.findings if finding.name not in accepted]
        if left:
            told = "\n".join(f"{finding.name}: {finding.message}" for finding in left)
            raise MigrationUnsafe(f"The old {move.subject} {move.old} stays.\n{told}")
        if status.begun:
            _refuse_examples_of_old(self.reader.policy(), move)
        return self._change(move, move.ended)

    def status(self, move: Move, bounds: Bounds, now: datetime) -> Status:
        """Who uses which, and whether the old one can go. Raises KeystoneUnreachable, LedgerUnavailable."""
        policy = self.reader.policy()
        providers = tuple(move.providers(policy.site))
        ids = [str(each.id) for each in providers]
        recalled, begin = self._recalled(now), window(now, bounds.days)
        logins = tuple(login for login in recalled.logins if login.provider in ids)
        stages = stages_of(move, providers)
        status = Status(
            move, stages, bounds,
            uses=counted(logins, move, begin),
            coverage=self._coverage(policy.site, logins, recalled, move, begin, ids),
            notes=tuple(dict.fromkeys(notes(move, providers, stages))),
        )  # fmt: skip
        if not status.begun or status.ended:
            return status
        status = replace(status, losers=tuple(losers(logins, move, policy, now)))
        return replace(status, findings=tuple(findings(status, policy)))

    def notes(self, move: Move) -> tuple[str, ...]:
        """What somebody must do besides, as the policy is now."""
        providers = tuple(move.providers(self.reader.policy().site))
        return tuple(dict.fromkeys(notes(move, providers, stages_of(move, providers))))

    def _recalled(self, now: datetime) -> Recalled:
        store = self.logins()
        return store.recall(now) if store else Recalled()

    def _coverage(
        self,
        site: Site,
        logins: Sequence[RememberedLogin],
        recalled: Recalled,
        move: Move,
        begin: datetime,
        ids: Sequence[str],
    ) -> Coverage:
        try:
            shadows = self.users(site.domain, ids) if self.users and logins else None
        except KeystoneForbids:
            shadows = None
        return coverage_of(logins, recalled.unreadable, shadows, move, begin)

    def _change(self, move: Move, stage: Callable[[IdentityProvider], Names]) -> TextChange:
        text = after = self.reader.text()
        before = self.reader.policy(text)  # of this very text: somebody may be editing
        for provider in move.providers(before.site):
            names = stage(provider)
            if names != move.listed(provider):
                after = self.reader.listed(after, str(provider.id), move.subject.key, names)
        if after != text:
            _refuse_contradicted(before, self.reader.policy(after), move)
        return TextChange("site", self.reader.path, text, after)


def carry_out(change: TextChange, writer: SiteTextWriter) -> None:
    """Make the change. Raises SiteFileOdd, FileUnusable: then nothing was changed."""
    if not change.nothing and change.before is not None and change.after is not None:
        writer.write(change.before, change.after)


def _refuse_contradicted(before: Policy, after: Policy, move: Move) -> None:
    """Examples that only hold by what is dropped would say that the policy is wrong."""
    known = {tried.message for tried in failed_examples(before)}
    new = [tried for tried in failed_examples(after) if tried.message not in known]
    if new:
        places = tuple((*tried.example.place, f"“{tried.example.title}” {tried.difference}") for tried in new)
        raise PolicyInvalid(places, hint=f"{_REWRITE} {move.new}; nothing was changed.")


def _refuse_examples_of_old(policy: Policy, move: Move) -> None:
    """An example that expects nothing would go on holding, and say nothing any more."""
    mine = {each.id for each in move.providers(policy.site) if move.old in move.listed(each)}
    found = [
        (*example.place, f"“{example.title}” speaks of the claim {move.old} alone")
        for community in policy.communities
        for example in community.examples
        if move.subject is Subject.CLAIM and example.identity_provider in mine
        if move.old in example.claims and move.new not in example.claims
    ]
    if found:
        raise PolicyInvalid(tuple(found), hint=f"{_REWRITE} {move.new}; nothing was changed.")
