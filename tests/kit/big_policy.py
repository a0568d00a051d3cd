"""A policy directory of many communities, in the shape of a real site's. Owns its texts, the same for the same number.

Names are those of real communities where they last. Each community has a project of its own and two entitlements with
access, operators (three roles) and members; every second one has a second project too, opened by a subgroup to its
administrators or by an assurance, and every fifth shares one project with nineteen others. That is 2.5 groups and five
role assignments a community.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

CATALOGUE = Path(__file__).parents[1] / "data" / "egi-vo-mappings.yaml"
# Roles that services ask for besides Keystone's own: a site makes them, p3idp does not.
ROLES = ("creator", "heat_stack_owner")
SHARING = 20
SITE = Template("""\
policy: $policy
title: A site of many communities
domain: $domain
contact: cloud-support@example.org
identity_providers:
  $provider:
    title: EGI Check-in
    issuers: [$issuer]
    claims:
      subject: voperson_id
      entitlements: [entitlements, eduperson_entitlement]
      assurance: eduperson_assurance
    scopes: [openid, profile, email, voperson_id, eduperson_entitlement, entitlements, eduperson_assurance]
    authorization_ttl: 8h
    issuing_clients: [p3idp, keystone, p3idp-cli]
""")
COMMUNITY = Template("""\
title: $name
contact: support@$name.example.org
projects:
  $name:
    description: Virtual machines of $name
    properties: {egi.VO: $name}
$projects
access:
  - entitlement: urn:mace:egi.eu:group:$name:role=vm_operator#aai.egi.eu
    projects:
      $name: [member, creator, heat_stack_owner]
  - entitlement: urn:mace:egi.eu:group:$name:role=member#aai.egi.eu
    projects:
      $name: [reader]
$more
examples:
  - title: An operator works in the project of $name
    claims:
      eduperson_entitlement:
        - urn:mace:egi.eu:group:$name:role=vm_operator#aai.egi.eu
        - urn:mace:egi.eu:group:$name:role=member#aai.egi.eu
    access:
      $name: [member, creator, heat_stack_owner, reader]
$shown
  - title: A capability opens nothing
    claims:
      eduperson_entitlement: urn:mace:egi.eu:res:$name:act:use#aai.egi.eu
    access: {}
""")
_ADMINS = """\
  - entitlement: urn:mace:egi.eu:group:{name}:admins:role=owner#aai.egi.eu
    projects:
      {project}: [member]
      {name}: [manager]
"""
_CHECKED = """\
  - entitlement: urn:mace:egi.eu:group:{name}:gpu:role=vm_operator#aai.egi.eu
    assurance: [https://aai.egi.eu/LoA#Substantial, https://aai.egi.eu/LoA#High]
    projects:
      {project}: [member, creator]
"""


def names(count: int) -> Sequence[str]:
    """So many communities: first the real ones of the catalogue, then others that are called alike."""
    listed: dict[str, Any] = yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["vos"]
    real = sorted(name for name in listed if "/" not in name and name == name.lower())
    kinds = ("vo.{}.example.org", "{}.egi.eu", "{}.eosc.example.org", "{}-project.example.eu")
    made = [kinds[number % len(kinds)].format(f"science{number}") for number in range(count)]
    return [*real, *made][:count]


def shared_project(number: int) -> str | None:
    """The project that a community shares with others, where it does."""
    return f"shared-{number // (5 * SHARING)}" if number % 5 == 0 else None


def entitlements(number: int, name: str) -> Sequence[str]:
    """What people of a community hold, from the least to the most."""
    path = f"urn:mace:egi.eu:group:{name}"
    least = [f"{path}:role=member#aai.egi.eu", f"{path}:role=vm_operator#aai.egi.eu"]
    if number % 2:
        return least
    return [*least, f"{path}:admins:role=owner#aai.egi.eu" if number % 4 else f"{path}:gpu:role=vm_operator#aai.egi.eu"]


def community(number: int, name: str) -> str:
    """The text of one community's file."""
    shared = shared_project(number)
    second = shared or f"{name}-gpu"
    more = (_ADMINS if number % 4 else _CHECKED).format(name=name, project=second) if number % 2 == 0 else ""
    # A community with an odd number shares by what its members hold: so every sharing one gives something there.
    if shared and not more:
        more = f"      {shared}: [reader]\n"
    projects = f"  {second}: {{}}" if more else ""
    shown = f"      {second}: [reader]" if more.startswith("      ") else ""
    text = COMMUNITY.substitute(name=name, projects=projects, more=more.rstrip(), shown=shown)
    return "\n".join(line for line in text.splitlines() if line) + "\n"


def texts(
    count: int, issuer: str, *, policy: str = "scale", domain: str = "egi", provider: str = "egi"
) -> dict[str, str]:
    """All files by name."""
    site = SITE.substitute(policy=policy, domain=domain, provider=provider, issuer=issuer)
    files = ((f"communities/{name}.yaml", community(number, name)) for number, name in enumerate(names(count)))
    return {"site.yaml": site, **dict(files)}


def write(root: Path, files: dict[str, str]) -> Path:
    """Make a directory hold these files and no others; what is the same is left alone."""
    (root / "communities").mkdir(parents=True, exist_ok=True)
    for file in root.rglob("*"):
        if file.is_file() and file.relative_to(root).as_posix() not in files:
            file.unlink()
    for name, text in files.items():
        file = root / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    return root


def people(count: int, communities: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Subjects and what they hold, spread over the communities: most are members of one, some of two or three."""
    known = names(communities)
    for number in range(count):
        mine = {number % communities, *([number * 7 % communities] if number % 5 == 0 else [])}
        mine |= {number * 13 % communities} if number % 25 == 0 else set()
        held: list[str] = []
        for each in sorted(mine):
            offered = entitlements(each, known[each])
            held += offered[: 1 + (number // communities + each) % len(offered)]
        yield f"{number:064x}@egi.eu", held
