"""The first apply beside a bare loop of the same writes. Owns that pair of ``make scale`` and ``make bench``.

Both fill a domain of their own in one lab, in turns: p3idp with plan, findings, intent, reading back and outcome, the
loop with nothing but the calls, each kind after the one it needs, by so many threads as serve it best.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import big_policy
from keystoneauth1 import exceptions as ksa
from scale_calls import Calls
from scale_site import Say, ScaleSite

from p3idp import wiring
from p3idp.core.access.desired import desired_state
from p3idp.core.access.resources import Kind, Resource, mark
from p3idp.core.keystone_url import v3_url

ACCEPTED = ("large-mapping",)
WORKERS = (1, 2, 3, 4, 8)
ATTEMPTS = 8


@dataclass(frozen=True)
class FirstApply:
    """Objects a second, and calls an object. ``bare``: the loop's rate by its number of threads."""

    objects: int
    p3idp_per_second: float
    bare_per_second: float
    bare_workers: int
    ratio: float
    calls_per_object: float
    bare_calls_per_object: float
    bare: dict[int, float]


def first_apply(site: ScaleSite, communities: int, rounds: int, place: Path, say: Say) -> FirstApply:
    """Measure, in a lab that holds little else."""
    numbers = count()

    def fresh() -> Path:
        name = f"bench-{next(numbers)}"
        files = big_policy.texts(communities, f"https://{name}.test", policy=name, domain=name, provider=name)
        return big_policy.write(place / name, files)

    bare = BareWrites(site)
    tried = {workers: bare.fill(fresh(), workers) for workers in WORKERS}
    say(f"bare loop by threads: {', '.join(f'{w}: {rate:.1f}/s' for w, (rate, _) in tried.items())}")
    best = max(tried, key=lambda workers: tried[workers][0])
    ours, theirs = [], []
    for turn in range(rounds):
        steps: list[Callable[[], None]] = [
            lambda: ours.append(p3idp_fills(site, fresh())),
            lambda: theirs.append(bare.fill(fresh(), best)),
        ]
        for step in steps if turn % 2 else reversed(steps):
            step()
    objects = ours[0][2]
    rates = [statistics.median(rate for rate, *_ in each) for each in (ours, theirs)]
    return FirstApply(
        objects, round(rates[0], 1), round(rates[1], 1), best, round(rates[1] / rates[0], 2),
        round(ours[0][1] / objects, 2), round(theirs[0][1] / objects, 2),
        {workers: round(rate, 1) for workers, (rate, _) in tried.items()},
    )  # fmt: skip


def p3idp_fills(site: ScaleSite, policy: Path) -> tuple[float, int, int]:
    """(objects a second, calls, objects) of one apply, all of it."""
    access = wiring.wire_access(site.with_policy(policy))
    access.reader.target()
    with Calls() as calls:
        began = perf_counter()
        done = access.apply(wiring.now(), None, ACCEPTED)
        spent = perf_counter() - began
    return len(done.results) / spent, calls.total, len(done.results)


class BareWrites:
    """The writes of a first apply over keystoneauth, as short as a script can have them."""

    def __init__(self, site: ScaleSite) -> None:
        self.session, self.url = site.session(), v3_url(site.settings.keystone.auth_url)
        self.session.get_token()
        roles = self.session.get(f"{self.url}/roles").json()["roles"]
        self.roles = {row["name"]: row["id"] for row in roles}
        self.ids: dict[tuple[Kind, Any], str] = {}
        self.lab = site.settings.lab

    def fill(self, policy: Path, workers: int) -> tuple[float, int]:
        """(objects a second, calls) with so many threads."""
        wanted = desired_state(wiring.wire_policy_directory(policy, lab=self.lab), wiring.now()).resources
        with Calls() as calls, ThreadPoolExecutor(workers) as pool:
            began = perf_counter()
            for kind, write in self._order():
                for _ in pool.map(self._until_done(write), of(wanted, kind)):
                    pass
            spent = perf_counter() - began
        return len(wanted) / spent, calls.total

    def _order(self) -> Sequence[tuple[Kind, Callable[[Resource], None]]]:
        return (
            (Kind.DOMAIN, self._domain),
            (Kind.IDENTITY_PROVIDER, self._provider),
            (Kind.PROJECT, self._project),
            (Kind.GROUP, self._group),
            (Kind.ROLE_ASSIGNMENT, self._grant),
            (Kind.MAPPING, self._mapping),
            (Kind.PROTOCOL, self._protocol),
        )

    def _until_done(self, write: Callable[[Resource], None]) -> Callable[[Resource], None]:
        def again(wanted: Resource) -> None:
            for attempt in range(ATTEMPTS):
                try:
                    write(wanted)
                    return
                except ksa.Conflict:
                    return
                except ksa.HttpServerError:  # SQLite has one writer, and does not wait for it in every case
                    if attempt == ATTEMPTS - 1:
                        raise
                    sleep(0.05)

        return again

    def _keep(self, kind: Kind, path: str, word: str, wanted: Resource, body: dict[str, Any]) -> None:
        made = self.session.post(self.url + path, json={word: body}).json()[word]
        self.ids[kind, wanted.key] = made["id"]

    def _domain(self, wanted: Resource) -> None:
        self._keep(Kind.DOMAIN, "/domains", "domain", wanted, {"name": wanted.key[0], "description": _mark(wanted)})

    def _provider(self, wanted: Resource) -> None:
        said = wanted.attributes
        body = {"domain_id": self.ids[Kind.DOMAIN, (said["domain"],)], "enabled": True, "description": _mark(wanted)}
        body |= {"authorization_ttl": said["authorization_ttl"], "remote_ids": said["issuers"]}
        path = f"{self.url}/OS-FEDERATION/identity_providers/{wanted.key[0]}"
        self.session.put(path, json={"identity_provider": body})

    def _project(self, wanted: Resource) -> None:
        domain = self.ids[Kind.DOMAIN, wanted.key[:1]]
        body = {"name": wanted.key[1], "domain_id": domain, "tags": [_mark(wanted)], **wanted.attributes}
        self._keep(Kind.PROJECT, "/projects", "project", wanted, body)

    def _group(self, wanted: Resource) -> None:
        domain = self.ids[Kind.DOMAIN, wanted.key[:1]]
        body = {"name": wanted.key[1], "domain_id": domain, "description": _mark(wanted)}
        self._keep(Kind.GROUP, "/groups", "group", wanted, body)

    def _grant(self, wanted: Resource) -> None:
        domain, group, role, _, where, what = wanted.key
        project, held = self.ids[Kind.PROJECT, (where, what)], self.ids[Kind.GROUP, (domain, group)]
        self.session.put(f"{self.url}/projects/{project}/groups/{held}/roles/{self.roles[role]}")

    def _mapping(self, wanted: Resource) -> None:
        body = {name: wanted.attributes[name] for name in ("rules", "schema_version")}
        self.session.put(f"{self.url}/OS-FEDERATION/mappings/{wanted.key[0]}", json={"mapping": body})

    def _protocol(self, wanted: Resource) -> None:
        said, (provider, protocol) = wanted.attributes, wanted.key
        path = f"{self.url}/OS-FEDERATION/identity_providers/{provider}/protocols/{protocol}"
        body = {"mapping_id": said["mapping"], "remote_id_attribute": said["remote_id_attribute"]}
        self.session.put(path, json={"protocol": body})


def of(resources: Iterable[Resource], kind: Kind) -> list[Resource]:
    """Those of a kind."""
    return [each for each in resources if each.kind is kind]


def _mark(wanted: Resource) -> str:
    return mark(str(wanted.owner))
