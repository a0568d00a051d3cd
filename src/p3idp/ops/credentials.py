"""Look after the application credentials of federated people. Owns who is asked about, and at what cost.

One call a person, since Keystone lists credentials of one user at a time; two more for who holds some. What becomes of
each is core/credentials'.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from p3idp.core.access.people.known import Register, ShadowUser, ShadowUsers, user_id
from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.credentials.outlook import Outlook, Owner, is_for_exchange, outlook
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Policy
from p3idp.errors.credentials import OwnerUnknown
from p3idp.ports.holdings import CredentialReader
from p3idp.ports.logins import LoginReader, Recalled
from p3idp.ports.offline import Consents, OfflineReader
from p3idp.ports.request import request_id

AT_ONCE = 3  # calls; more at once gain nothing at a Keystone, and keep others waiting
Users = Callable[[str, Collection[str]], ShadowUsers]
Progress = Callable[[int, int], None]
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of how many people the survey speaks.

    ``asked``: users of the policy's providers whose credentials were asked for; ``holders``: those that have some;
    ``with_claims``: holders whose claims p3idp knows. ``complete``: Keystone did not cut its list of users short.
    ``unreadable``: logins and consents that no key of the settings opens.
    """

    asked: int = 0
    holders: int = 0
    with_claims: int = 0
    complete: bool = True
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """Every credential, the worst first, as it stood at ``at``."""

    at: datetime
    outlooks: tuple[Outlook, ...] = ()
    coverage: Coverage = Coverage()


@dataclass(frozen=True, slots=True)
class CredentialWatch:
    """Finds what people hold. ``logins`` and ``consents``: None where none are kept; opened when needed."""

    policy: Callable[[], Policy]
    users: Users
    reader: CredentialReader
    logins: Callable[[], LoginReader | None]
    consents: Callable[[], OfflineReader | None]

    def survey(self, now: datetime, owner: str | None = None, progress: Progress = lambda done, every: None) -> Survey:
        """Look at everybody, or at one ``owner`` by subject, user name or user id. ``progress`` hears how far it is.

        Raises PolicyInvalid, OwnerUnknown, LedgerUnavailable, KeystoneUnreachable, KeystoneForbids.
        """
        policy = self.policy()
        shadows = self.users(policy.site.domain, [str(each.id) for each in policy.site.identity_providers])
        people = _People(policy, shadows, self._recall(now), self._consents(now), now)
        # Somebody who came in through two providers is in both lists.
        asked = {user.id: user for user in (shadows.users if owner is None else people.called(owner))}.values()
        if owner is not None and not asked:
            raise OwnerUnknown("Keystone has no federated user of that subject, name or id.")
        held = {user.id: found for user, found in self._held(asked, now, progress) if found}
        holders = [people.owner(user) for user in asked if user.id in held]
        outlooks = [each for some in self._judged(holders, held, now) for each in some]
        known = sum(each.decision is not None for each in holders)
        coverage = Coverage(len(asked), len(holders), known, shadows.complete, people.unreadable)
        return Survey(now, tuple(sorted(outlooks, key=lambda each: each.urgency)), coverage)

    def _held(
        self, users: Collection[ShadowUser], now: datetime, progress: Progress
    ) -> Iterator[tuple[ShadowUser, tuple[ApplicationCredential, ...]]]:
        """What each user holds, without what p3idp made for an exchange."""
        found = _at_once(lambda user: self.reader.credentials(user.id), users)
        for done, (user, credentials) in enumerate(zip(users, found, strict=True), 1):
            progress(done, len(users))
            yield user, tuple(each for each in credentials if not is_for_exchange(each, now))

    def _judged(
        self, holders: Collection[Owner], held: Mapping[str, Collection[ApplicationCredential]], now: datetime
    ) -> Iterator[list[Outlook]]:
        """Of a disabled owner nothing more needs to be asked."""
        given = _at_once(lambda owner: self.reader.given_roles(owner.id) if owner.enabled else (), holders)
        for owner, roles in zip(holders, given, strict=True):
            yield [outlook(credential, owner, roles, now) for credential in held[owner.id]]

    def _recall(self, now: datetime) -> Recalled:
        store = self.logins()
        return store.recall(now) if store else Recalled()

    def _consents(self, now: datetime) -> Consents:
        store = self.consents()
        return store.consents(now) if store else Consents()


class _People:
    """Who the users are: what p3idp knows of their claims and their consent."""

    def __init__(
        self, policy: Policy, shadows: ShadowUsers, recalled: Recalled, consents: Consents, now: datetime
    ) -> None:
        self._policy, self._shadows, self._now = policy, shadows, now
        self._providers = {str(each.id): each for each in policy.site.identity_providers}
        register = Register(shadows)
        self._logins = {user.id: login for login in recalled.logins if (user := register.find(login))}
        self._consents = {(str(each.provider), each.subject) for each in consents.kept}
        self._by_id = {user_id(shadows.domain_id, subject) for _, subject in self._consents}
        self.unreadable = recalled.unreadable + consents.unreadable

    def called(self, owner: str) -> Iterable[ShadowUser]:
        """Users of this subject, name or id."""
        wanted = {owner, user_id(self._shadows.domain_id, owner)}
        return [user for user in self._shadows.users if {user.id, user.name, self._subject(user)} & wanted]

    def _subject(self, user: ShadowUser) -> str:
        login = self._logins.get(user.id)
        return login.subject if login else user.name

    def owner(self, user: ShadowUser) -> Owner:
        """The user as the owner of credentials."""
        login = self._logins.get(user.id)
        provider = self._providers.get(user.provider)
        return Owner(
            id=user.id,
            name=self._subject(user),
            provider=user.provider,
            email=user.email,
            enabled=user.enabled,
            consented=user.id in self._by_id or (user.provider, self._subject(user)) in self._consents,
            decision=decide(self._policy, login, self._now) if login else None,
            seen_at=login.at if login else None,
            ttl=provider.authorization_ttl if provider else None,
        )


def _at_once(call: Callable[[Asked], Answer], things: Collection[Asked]) -> Iterator[Answer]:
    """The answers in order, a few calls at a time. The first error goes up, and at most as many calls follow it."""
    identity = request_id.get()

    def traced(thing: Asked) -> Answer:
        request_id.set(identity)  # a thread has a context of its own
        return call(thing)

    waiting: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for thing in things:
            waiting.append(pool.submit(traced, thing))
            if len(waiting) > AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
