"""Run a policy's examples on both engines. Owns what of an example fails, and the report of all of them."""

from dataclasses import dataclass

from p3idp.core.mappings.door import KeystoneDoor
from p3idp.core.policy.examples import TriedExample, try_examples
from p3idp.core.policy.explanation import Explanation, explain
from p3idp.core.policy.model import Policy
from p3idp.ports.regex import Search


@dataclass(frozen=True, slots=True)
class ExampleReport:
    """One example. ``at_keystone``: how Keystone's own door differs from the policy; empty where it does not."""

    tried: TriedExample
    at_keystone: str

    @property
    def holds(self) -> bool:
        """Whether both engines give what the example says."""
        return self.tried.holds and not self.at_keystone

    @property
    def explanation(self) -> Explanation | None:
        """Why the policy gives what it gives; None where the claims are none."""
        tried = self.tried
        return explain(tried.policy, tried.decision, tried.typed.entitlements) if tried.typed else None


def report_examples(policy: Policy, search: Search) -> tuple[ExampleReport, ...]:
    """Every example, in the policy's order."""
    door = KeystoneDoor(search)
    return tuple(ExampleReport(tried, door.difference(tried)) for tried in try_examples(policy))
