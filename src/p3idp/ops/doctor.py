"""Check the chain from the identity provider to Keystone. Owns the walk: what is asked, in which order, of whom.

What an answer means is core/site's; a link that is broken never stops the walk, it only leaves checks skipped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from p3idp.core.access.desired import desired_state
from p3idp.core.exchange.published import CommandLineClient
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import Policy
from p3idp.core.site.chain_keystone import judge_access, judge_federation, judge_issuer_lengths
from p3idp.core.site.chain_provider import judge_command_line_client
from p3idp.core.site.findings import Finding, Report, fail, ok, skipped
from p3idp.errors import ExitStatus, P3idpError
from p3idp.errors.keystone import KeystoneForbids, KeystoneRefusedCredentials
from p3idp.ops.doctor_apache import ApacheLinks, examine_apache
from p3idp.ops.doctor_files import FileLinks, examine_files
from p3idp.ops.doctor_provider import ProviderLink, examine_provider
from p3idp.ops.doctor_token import TokenLinks, examine_token
from p3idp.ports.environment import Clock
from p3idp.ports.keystone import FederationReader


@dataclass(frozen=True, slots=True)
class Doctor:
    """The chain of one site, link by link. ``authorization_endpoints`` fills up on the way."""

    policy: Policy
    providers: tuple[ProviderLink, ...]
    reader: Callable[[], FederationReader]
    apache: ApacheLinks
    files: FileLinks
    token: TokenLinks
    clock: Clock
    command_line: CommandLineClient | None = None
    authorization_endpoints: dict[str, str] = field(default_factory=dict)

    def examine(self, now: datetime, token: RawToken | None = None) -> Iterator[Finding]:
        """All findings, one after the other; ``token`` is a person's access token whose way is followed."""
        yield from self.at_providers()
        yield from self.at_the_front()
        yield from self.in_keystone(now)
        yield from examine_files(self.policy, self.files)
        yield from examine_token(self.policy, self.token, token, now)

    def at_providers(self) -> Iterator[Finding]:
        """What the identity providers publish, and whether they answer our clients."""
        for link in self.providers:
            yield judge_issuer_lengths(link.provider)
            yield from examine_provider(link, self.clock, self.authorization_endpoints)
        yield judge_command_line_client(self.command_line)

    def at_the_front(self) -> Iterator[Finding]:
        """What Apache answers a stranger."""
        yield from examine_apache(self.policy, self.apache, self.clock, self.authorization_endpoints)

    def in_keystone(self, now: datetime) -> Iterator[Finding]:
        """What Keystone holds, against the policy at ``now``."""
        try:
            snapshot = self.reader().read(self.policy.site.domain)
        except P3idpError as error:
            yield from _no_snapshot(error)
            return
        yield ok("keystone-credentials", "Keystone", "p3idp's account is let in.")
        yield ok("keystone-rights", "Keystone", "p3idp's account may read federation, groups and grants.")
        desired = desired_state(self.policy, now)
        for provider in self.policy.site.identity_providers:
            yield from judge_federation(provider, snapshot, desired)
        yield judge_access(snapshot, desired)


def _no_snapshot(error: P3idpError) -> Iterator[Finding]:
    if isinstance(error, KeystoneForbids):
        yield ok("keystone-credentials", "Keystone", "p3idp's account is let in.")
        yield fail("keystone-rights", "Keystone", error.detail)
    elif isinstance(error, KeystoneRefusedCredentials):
        yield fail("keystone-credentials", "Keystone", error.detail)
    else:
        unreachable = error.exit_status is ExitStatus.UNREACHABLE
        yield fail("keystone-reachable", "p3idp's account", error.detail, unreachable=unreachable)
    yield skipped("idp-exists", "Keystone", "What Keystone holds could not be read; see above.")


def diagnose(open_doctor: Callable[[], Doctor], now: datetime, token: RawToken | None = None) -> Report:
    """Open the chain and walk it. Settings or a policy that cannot be read are findings too."""
    try:
        doctor = open_doctor()
    except P3idpError as error:
        check = "policy" if error.code == "policy-invalid" else "settings"
        return Report((fail(check, "this host", error.detail),))
    opened = (
        ok("settings", "this host", "The settings are read."),
        ok("policy", str(doctor.policy.site.id), f"{len(doctor.policy.communities)} communities are read."),
    )
    return Report((*opened, *doctor.examine(now, token)))
