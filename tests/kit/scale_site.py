"""A lab with many communities and users, made once and kept. Owns what is in it, and that it is whole.

The objects come from ``p3idp apply`` itself. Of the users a few hundred really sign in through Apache; the rest are
rows in the lab's own database, each a copy of those that Keystone made for one who did (scale_users).
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import big_policy
from keystoneauth1 import exceptions as ksa
from keystoneclient.v3.client import Client

from p3idp import wiring
from p3idp.adapters.keystone.session import make_session
from p3idp.lab import running
from p3idp.lab.files import write_policy
from p3idp.lab.handle import LabHandle
from p3idp.lab.layout import open_layout, write_if_changed
from p3idp.settings import Settings

Say = Callable[[str], None]
ASSURANCE = ["https://refeds.org/assurance", "https://aai.egi.eu/LoA#Substantial"]


@dataclass(frozen=True)
class Size:
    """How much there is. ``sign_ins``: users who really come through Apache."""

    communities: int
    users: int
    sign_ins: int

    def __str__(self) -> str:
        return f"{self.communities:,} communities, {self.users:,} users, {self.sign_ins:,} of them signed in"


@dataclass(frozen=True)
class ScaleSite:
    """The running lab. ``lab.settings`` holds the policy of many communities."""

    lab: LabHandle
    size: Size

    @property
    def policy_dir(self) -> Path:
        """The policy directory."""
        return self.lab.layout.policy

    @cached_property
    def settings(self) -> Settings:
        """The lab's settings; a Keystone this full takes longer for its longest list than usual ones do."""
        found = self.lab.settings
        patient = found.keystone.model_copy(update={"timeout_seconds": 120.0})
        return found.model_copy(update={"keystone_section": patient})

    def with_policy(self, directory: Path) -> Settings:
        """The same with another policy directory."""
        return self.settings.model_copy(update={"policy_dir": directory})

    def session(self) -> Any:
        """A session of keystoneauth as p3idp's account, with p3idp's limits."""
        keystone = self.settings.keystone
        return make_session(wiring.keystone_account(self.settings), keystone.ca_file, keystone.timeout_seconds)


def open_site(directory: Path, size: Size, say: Say, *, tied: bool = True) -> ScaleSite:
    """The lab in this directory with the policy written and the roles made; nothing is applied yet."""
    layout = open_layout(directory, free_ports=True)
    write_policy(layout)
    big_policy.write(layout.policy, big_policy.texts(size.communities, layout.addresses.issuer))
    write_if_changed(layout.state / "people.json", json.dumps(lab_people(size), indent=1))
    running.up(layout, say, tied=tied)
    site = ScaleSite(LabHandle(layout), size)
    client = Client(session=site.session(), endpoint_override=site.settings.keystone.auth_url)
    for role in big_policy.ROLES:
        with suppress(ksa.Conflict):
            client.roles.create(role)
    return site


def lab_people(size: Size) -> list[Mapping[str, object]]:
    """Those who can sign in at the stand-in: the first ones really do, the last one stands for all that are rows."""
    everybody = list(big_policy.people(size.users, size.communities))
    chosen = [*range(size.sign_ins), size.users - 1]
    return [_person(number, *everybody[number]) for number in chosen]


def _person(number: int, subject: str, held: Any) -> Mapping[str, object]:
    return {
        "login": f"person{number}", "name": f"Person {number}", "given_name": "Person", "family_name": str(number),
        "email": f"person{number}@example.org", "sub": subject, "voperson_id": subject, "assurance": ASSURANCE,
        "entitlements": list(held), "about": "one of many",
    }  # fmt: skip
