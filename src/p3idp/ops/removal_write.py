"""Make one step and read it back, and keep what came of a run. Owns what counts as done, and settling a killed run."""

from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.access.people.known import ShadowUser
from p3idp.core.audit.chain import LedgerRecord
from p3idp.core.audit.event import Actor, AuditEvent, Json, Outcome
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import Policy
from p3idp.core.removal.mark import Cause, Mark
from p3idp.core.removal.steps import Action, Removal, Step, Why
from p3idp.errors import P3idpError
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneConflict
from p3idp.ops.access_ledger import ACCOUNT, TARGET, Result, details_of, items_of
from p3idp.ports.environment import Clock
from p3idp.ports.holdings import HoldingsReader
from p3idp.ports.keystone import FederatedLogin
from p3idp.ports.ledger import Ledger
from p3idp.ports.removal import UserReader, UserSwitch
from p3idp.ports.request import request_id

ACTION = "update/users"
_DONE = Result("done")


@dataclass(frozen=True, slots=True)
class Hands:
    """Makes steps. ``tokens``: the access token of whoever is signed in; ``results``: what became of each step."""

    policy: Policy
    switch: UserSwitch
    keystone: FederatedLogin
    holdings: HoldingsReader
    tokens: Mapping[str, RawToken]
    now: datetime
    results: MutableMapping[Step, Result]
    progress: Callable[[Step, Result], None]

    def do(self, step: Step) -> None:
        """Make it and keep what became of it. A refusal of one step is kept; where Keystone is gone, that goes up."""
        acts = {
            Action.DISABLE: self._disable,
            Action.SIGN_IN: self._sign_in,
            Action.ENABLE: self._enable,
            Action.KEEP_OUT: self._keep_out,
        }
        self.results[step] = Result("unknown", "begun, not read back")
        try:
            self.results[step] = acts[step.action](step)
        except (KeystoneConflict, FederatedLoginRefused) as exc:
            self.results[step] = Result("failed", exc.detail)
        except P3idpError as exc:
            self.results[step] = Result("failed", exc.detail)
            raise
        finally:
            self.progress(step, self.results[step])

    def _disable(self, step: Step) -> Result:
        found = self.switch.user(step.user, step.provider)
        if found is None or not found.enabled:
            return Result("done", "it was so already")  # whoever did it: theirs is not marked as ours
        cause = Cause.PROVIDER if step.why is Why.PROVIDER else Cause.LEFT
        self.switch.disable(step.user, Mark(str(self.policy.site.id), cause, self.now))
        return _read_back(self.switch.user(step.user, step.provider), enabled=False)

    def _enable(self, step: Step) -> Result:
        before = [done for each, done in self.results.items() if each.user == step.user and each is not step]
        if any(done.word != "done" for done in before):
            return Result("failed", "They were not signed in anew, so what they left would come back.")
        found = self.switch.user(step.user, step.provider)
        if found is None or found.enabled:
            return Result("done", "it was so already")
        if found.disabled_by is None or found.disabled_by.policy != self.policy.site.id:
            return Result("failed", "Somebody else disabled this user meanwhile.")
        self.switch.enable(step.user)
        return _read_back(self.switch.user(step.user, step.provider), enabled=True)

    def _keep_out(self, step: Step) -> Result:
        self.switch.disown(step.user)
        found = self.switch.user(step.user, step.provider)
        gone = found is None or (not found.enabled and found.disabled_by is None)
        return _DONE if gone else Result("failed", "Keystone took it, but does not show it.")

    def _sign_in(self, step: Step) -> Result:
        provider = self.policy.site.provider(step.provider)
        self.keystone.login(provider, self.tokens[step.user])
        left = {each.group for each in self.holdings.memberships(step.user)}.intersection(step.groups)
        if left:
            names = ", ".join(sorted(name for _, name in left))
            return Result("failed", f"Keystone took the login and still shows {names}.")
        return _DONE


def _read_back(found: ShadowUser | None, *, enabled: bool) -> Result:
    marked = found is not None and found.disabled_by is not None
    if found is not None and found.enabled is enabled and marked is not enabled:
        return _DONE
    return Result("failed", "Keystone took it, but does not show it.")


@dataclass(frozen=True, slots=True)
class RemovalRecord:
    """Writes the records of one run. ``account``: the Keystone user that acts."""

    ledger: Ledger
    account: str
    clock: Clock

    def intend(self, removal: Removal, steps: Sequence[Step], accepted: Collection[str], now: datetime) -> LedgerRecord:
        """Keep what is about to be done. Durable when this returns; raises LedgerUnavailable: then do nothing."""
        details: dict[str, Json] = {
            "accepted": sorted(set(accepted)),
            "account": self.account,
            "findings": sorted({finding.name for finding in removal.findings}),
            "items": [{**step.item(), "told": step.told} for step in steps],
            "policy": removal.policy,
        }
        return self._append(removal, Outcome.PENDING, now, details)

    def conclude(self, intent: LedgerRecord, removal: Removal, results: Mapping[Step, Result]) -> None:
        """Keep what came of it."""
        good = all(result.word == "done" for result in results.values())
        items: list[Json] = [
            {**step.item(), "result": result.word, "detail": result.detail} for step, result in results.items()
        ]
        outcome, reason = (Outcome.SUCCESS, "") if good else (Outcome.FAILURE, "removal-incomplete")
        details: dict[str, Json] = {"items": items, "policy": removal.policy}
        self._append(removal, outcome, self.clock(), details, about=intent.id, reason=reason)

    def settle(self, removal: Removal, switch: UserReader, now: datetime) -> tuple[str, ...]:
        """Close the intents that a killed run left open: a user shows whether they were disabled or enabled."""
        settled = []
        for intent in self.ledger.open_intents(ACTION):
            mine = details_of(intent).get("policy") == removal.policy
            if not mine or intent.body["target"] != {"typeURI": TARGET, "id": removal.target}:
                continue
            items: list[Json] = [{**each, "result": _settled(each, switch)} for each in items_of(intent)]
            details: dict[str, Json] = {"items": items, "policy": removal.policy}
            self._append(removal, Outcome.UNKNOWN, now, details, about=intent.id, reason="interrupted")
            settled.append(intent.id)
        return tuple(settled)

    def _append(
        self,
        removal: Removal,
        outcome: Outcome,
        at: datetime,
        details: Mapping[str, Json],
        *,
        about: str = "",
        reason: str = "",
    ) -> LedgerRecord:
        return self.ledger.append(
            AuditEvent(
                action=ACTION,
                outcome=outcome,
                actor=Actor(ACCOUNT, self.account),
                target=(TARGET, removal.target),
                at=at,
                request_id=request_id.get(),
                reason=reason,
                about=about,
                details=details,
            )
        )


def _settled(item: Mapping[str, Any], switch: UserReader) -> str:
    """What became of a step of a killed run; nobody can tell of a sign-in, which the next answer makes good."""
    if item["action"] == Action.SIGN_IN:
        return "unknown"
    found = switch.user(str(item["user"]), str(item["identity_provider"]))
    wanted = item["action"] == Action.ENABLE
    if item["action"] == Action.KEEP_OUT:
        return "done" if found is None or found.disabled_by is None else "not-done"
    return "done" if found is None or found.enabled is wanted else "not-done"
