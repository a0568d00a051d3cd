"""A site of its own in the lab's Keystone, behind a proxy that does harm; the command as people type it; what is so.

Everything is real: the process, its database and lock, Keystone. What becomes of it is read past the proxy.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

from keystone_proxy import KeystoneProxy
from policies import PolicyFiles

from p3idp import wiring
from p3idp.adapters.policy_files import load_policy
from p3idp.core.access.desired import desired_state
from p3idp.core.access.people.cloud import Cloud, Right
from p3idp.core.access.plan import diff
from p3idp.core.access.resources import Key, Kind, Snapshot
from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.errors import P3idpError
from p3idp.lab.handle import LabHandle
from p3idp.ops.access import AccessOps
from p3idp.ops.access_ledger import ACTION
from p3idp.ops.audit import verify_ledger
from p3idp.settings import Settings, load_settings
from p3idp.wiring.access import wire_records

_numbers = count(1)
Access = dict[tuple[str, ...], frozenset[Right]]
ACCEPT = ("too-many-removals", "rollback-in-force", "disables-provider", "stopped-access")
VOS = ("vo.access", "vo.course", "vo.new")

SITE = """\
policy: {name}
title: A site
domain: {name}
contact: support@example.org
identity_providers:
  {name}:
    title: Check-in
    issuers: ["https://{name}.test"]
    scopes: [openid]
    authorization_ttl: 8h
    issuing_clients: [p3idp]
"""
OLD = {
    "vo.access": """\
title: T
contact: c@example.org
projects: {p3: {properties: {egi.VO: vo.access}}}
access:
  - {entitlement: "urn:mace:egi.eu:group:vo.access:role=member", projects: {p3: [member]}}
""",
    "vo.course": """\
title: T
contact: c@example.org
projects: {course: {}}
access:
  - {entitlement: "urn:mace:egi.eu:group:vo.course:role=member", group: shared, projects: {course: [member, reader]}}
""",
}
# A role changes, a community leaves, one comes with a project: and the group of the one that left gets other people.
NEW = {
    "vo.access": OLD["vo.access"].replace("[member]", "[reader]").replace("egi.VO: vo.access", "egi.VO: renamed"),
    "vo.new": """\
title: T
contact: c@example.org
projects: {new: {properties: {egi.VO: vo.new}}, p3: {}}
access:
  - {entitlement: "urn:mace:egi.eu:group:vo.new:role=member", group: shared, projects: {new: [member], p3: [member]}}
""",
}


@dataclass
class Ended:
    """How a command ended."""

    status: int
    out: str
    told: str


@dataclass
class FaultSite:
    """One domain, one identity provider, one policy, one database."""

    lab: LabHandle
    proxy: KeystoneProxy
    root: Path
    in_process: bool = False
    chosen: Mapping[str, str] = field(default_factory=lambda: OLD)
    name: str = field(default_factory=lambda: f"faults{next(_numbers)}-{os.getpid()}")

    def __post_init__(self) -> None:
        self.files = PolicyFiles(self.root / "policy", SITE.format(name=self.name), **OLD)
        self.settings_file = self.root / "settings.toml"
        self.set()

    def set(self, more: str = "") -> None:
        """Write the settings, with more on Keystone."""
        keystone = self.lab.settings.keystone
        text = self.lab.settings_path.read_text(encoding="utf-8")
        password = next(line for line in text.splitlines() if line.startswith("password"))
        self.settings_file.write_text(
            f'policy_dir = "{self.root}/policy"\nlab = true\n'
            f'[keystone]\nauth_url = "{self.proxy.url}"\nusername = "{keystone.username}"\n{password}\n'
            f'project = "{keystone.project}"\n{more}\n'
            f'[providers.{self.name}]\nclient_id = "p3idp"\nclient_secret = {{ file = "{self.lab.ca_file}" }}\n'
            f'[store]\nurl = "sqlite:///{self.root}/p3idp.sqlite"\n',
            encoding="utf-8",
        )

    def choose(self, texts: Mapping[str, str]) -> None:
        """Another policy."""
        self.chosen = texts
        for vo in VOS:
            (self.root / "policy/communities" / f"{vo}.yaml").unlink(missing_ok=True)
        for vo, text in texts.items():
            self.files.write(f"communities/{vo}.yaml", text)

    @property
    def settings(self) -> Settings:
        return load_settings(str(self.settings_file))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command as a process of its own."""
        command = [sys.executable, "-c", "from p3idp.cli.main import run; run()", *words]
        return subprocess.Popen(
            [*command, "--settings", str(self.settings_file)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.root,
        )  # fmt: skip

    def run(self, *words: str) -> Ended:
        process = self.start(*words)
        out, told = process.communicate(timeout=120)
        return Ended(process.returncode, out, told)

    @property
    def accepting(self) -> list[str]:
        return [word for name in ACCEPT for word in ("--accept", name)]

    def apply(self) -> Ended:
        """`p3idp apply`, accepting what these policies do."""
        if not self.in_process:
            return self.run("apply", "--yes", *self.accepting)
        try:
            wiring.wire_access(self.settings).apply(wiring.now(), None, ACCEPT)
        except P3idpError as exc:
            return Ended(int(exc.exit_status), "", f"{exc.code}: {exc.detail} {exc.hint}")
        return Ended(0, "", "")

    def read(self) -> Snapshot:
        """What Keystone holds, past the proxy."""
        return self.past_proxy.reader.read(self.name)

    @cached_property
    def past_proxy(self) -> AccessOps:
        """The same site, without the proxy."""
        settings = self.settings
        keystone = settings.keystone.model_copy(
            update={"auth_url": self.lab.settings.keystone.auth_url, "ca_file": self.lab.ca_file}
        )
        return wiring.wire_access(settings.model_copy(update={"keystone_section": keystone}))

    def access(self, snapshot: Snapshot | None = None) -> Access:
        """What everybody has who might sign in."""
        cloud = Cloud(snapshot or self.read(), NO_SEARCH)
        door = cloud.door(self.name, "openid")
        return {held: self._enter(cloud, door, held) for held in [*((vo,) for vo in VOS), VOS]}

    def _enter(self, cloud: Cloud, door: object, held: tuple[str, ...]) -> frozenset[Right]:
        texts = ";".join(f"urn:mace:egi.eu:group:{vo}:role=member" for vo in held)
        shown = {"sub": "someone", "iss": f"https://{self.name}.test", "azp": "p3idp", "entitlements": texts}
        attributes = {f"OIDC-{name}": value for name, value in shown.items()}
        entered = cloud.enter(door, attributes, self.name) if door else None  # type: ignore[arg-type]  # a Door
        return entered.rights if entered else frozenset()

    def wrong(self) -> Iterator[str]:
        """What is not as the policy says, or not told truly, once everything has been repaired."""
        policy, there = load_policy(self.root / "policy", lab=True), self.read()
        for change in diff(desired_state(policy, wiring.now()), there):
            yield f"{change.action} {change.resource.name} is left to do"
        ours = [r for r in there.resources if r.owner == self.name and r.kind in (Kind.GROUP, Kind.ROLE_ASSIGNMENT)]
        if len({(r.kind, r.key) for r in ours}) != len(ours):
            yield "something stands there twice"
        ledger, history = wire_records(self.settings)
        verify_ledger(ledger)
        if ledger.open_intents(ACTION):
            yield "a run is open in the ledger"
        if not wiring.wire_past(self.settings).entry(history.latest(1)[0].number).good:
            yield "the last run is not known to have ended well"

    def more_than(self, *sides: Access) -> list[tuple[tuple[str, ...], Right]]:
        """Who has now what none of these sides gives."""
        now = self.access()
        return [
            (who, right) for who, held in now.items() for right in held - frozenset().union(*(s[who] for s in sides))
        ]

    def keys(self, kind: Kind) -> list[Key]:
        """What of a kind is this site's."""
        return sorted(r.key for r in self.read().resources if r.kind is kind and r.key[0] == self.name)
