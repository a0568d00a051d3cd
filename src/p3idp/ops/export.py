"""Write down what the policy wants in Keystone for other tools. Owns the list of formats and their files.

It asks the policy alone: an export is possible when Keystone, the database and p3idp's own account are not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.access.desired import Desired, desired_state
from p3idp.core.export import ansible, kolla
from p3idp.core.export.openstack import SCRIPT, openstack_files
from p3idp.core.export.origin import Origin, origin_of
from p3idp.core.export.parts import Files, rule_files
from p3idp.core.policy.examples import failed_examples
from p3idp.core.policy.model import Policy
from p3idp.errors.export import ExportImpossible
from p3idp.ports.export import ExportFiles


@dataclass(frozen=True, slots=True)
class Exported:
    """The files by name, and what they say of themselves."""

    files: Files
    origin: Origin


@dataclass(frozen=True, slots=True)
class Export:
    """Exports, with the files handed in."""

    files: ExportFiles

    def run(self, policy: Policy, form: str, now: datetime) -> Exported:
        """The files for what the policy gives at ``now``; nothing is written.

        Raises ExportImpossible where the format cannot say it, or an example of the policy fails.
        """
        if failed := next(iter(failed_examples(policy)), None):
            raise ExportImpossible(
                failed.message, hint="Correct the policy or its example; `p3idp plan` refuses it too."
            )
        desired, origin = desired_state(policy, now), origin_of(policy, now)
        return Exported(_FORMATS[form](self, policy, desired, origin), origin)

    def write(self, exported: Exported, target: str) -> None:
        """Write a new directory. Raises TargetExists, OSError."""
        self.files.write(target, exported.files, {SCRIPT})

    def _openstack(self, policy: Policy, desired: Desired, origin: Origin) -> Files:
        return openstack_files(desired, origin)

    def _ansible(self, policy: Policy, desired: Desired, origin: Origin) -> Files:
        return self._playbook(desired, origin, ansible.FOLDER)

    def _kolla(self, policy: Policy, desired: Desired, origin: Origin) -> Files:
        variables = kolla.kolla_variables(policy, desired)
        text = self.files.yaml((*origin.lines, *kolla.ABOUT), variables)
        return {kolla.VARIABLES: text, **self._playbook(desired, origin, kolla.FOLDER)}

    def _playbook(self, desired: Desired, origin: Origin, folder: str) -> Files:
        text = self.files.yaml((*origin.lines, *ansible.ABOUT), ansible.playbook(desired, folder))
        return {ansible.PLAYBOOK: text, **rule_files(desired, folder)}


_FORMATS: Mapping[str, Callable[[Export, Policy, Desired, Origin], Files]] = {
    "openstack": Export._openstack,
    "kolla-ansible": Export._kolla,
    "ansible": Export._ansible,
}
FORMATS = tuple(_FORMATS)
