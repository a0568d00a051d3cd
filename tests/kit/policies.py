"""Policies for tests: directories of YAML that a test may spoil, and the value they make."""

from datetime import UTC, datetime
from pathlib import Path

from p3idp.adapters.policy_files import load_policy
from p3idp.core.policy.claims import GivenClaims
from p3idp.core.policy.model import Policy, ProviderId

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ISSUER = "https://idp.test/auth/realms/egi"
OPERATOR = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"
TRAINEE = "urn:mace:egi.eu:group:training.egi.eu:role=vm_operator#aai.egi.eu"
SUBSTANTIAL = "https://aai.egi.eu/LoA#Substantial"

SITE = f"""\
policy: test-site
title: A site
domain: egi
contact: support@example.org
identity_providers:
  egi:
    title: Check-in
    issuers: [{ISSUER}]
    scopes: [openid, eduperson_entitlement]
    authorization_ttl: 8h
    issuing_clients: [p3idp, keystone]
"""
ACCESS = """\
title: Applications on Demand
contact: vo@example.org
projects:
  p3: {description: Machines}
access:
  - entitlement: urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu
    projects: {p3: [member]}
"""
TRAINING = """\
title: Courses
contact: courses@example.org
valid: {from: 2026-01-01, until: 2028-01-01}
projects:
  training: {}
access:
  - entitlement: urn:mace:egi.eu:group:training.egi.eu:role=vm_operator
    assurance: [https://aai.egi.eu/LoA#Substantial, https://aai.egi.eu/LoA#High]
    projects: {training: [member]}
"""


class PolicyFiles:
    """A policy directory under a test's hand."""

    def __init__(self, root: Path, site: str = SITE, **communities: str) -> None:
        self.root = root
        (root / "communities").mkdir(parents=True, exist_ok=True)
        self.write("site.yaml", site)
        for name, text in (communities or {"vo.access.egi.eu": ACCESS, "training.egi.eu": TRAINING}).items():
            self.write(f"communities/{name}.yaml", text)

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def remove(self, community: str) -> None:
        (self.root / "communities" / f"{community}.yaml").unlink()

    def load(self) -> Policy:
        return load_policy(self.root)


def person(*entitlements: str, **more: object) -> GivenClaims:
    """Somebody with these entitlements, with a token of ours."""
    claims: dict[str, object] = {
        "provider": ProviderId("egi"),
        "issuer": ISSUER,
        "subject": "someone@egi.eu",
        "client": "p3idp",
        "entitlements": entitlements,
        "assurance": (),
    }
    return GivenClaims(**{**claims, **more})  # type: ignore[arg-type]  # a test may say anything
