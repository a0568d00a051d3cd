"""What p3idp adds to the calls that have to be made anyway. Owns the measurement behind ``make bench``.

Each pair is measured in turns on one lab in one run: p3idp, then a bare script that makes the same calls to Keystone
and Check-in (and the other way round every second time, since whoever comes second finds warmer caches). What counts
is the ratio of the medians. Nothing here is asserted: machines differ.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import httpx
from exchange_world import a_form

from p3idp import wiring
from p3idp.lab.demo import apply_policy
from p3idp.lab.handle import LabHandle, temporary_lab

PROJECT = "p3"
Prepare = Callable[[], str]


@dataclass(frozen=True)
class Pair:
    """Two ways to the same end, in milliseconds."""

    name: str
    p3idp: float
    bare: float
    ratio: float
    rounds: int


class Bare:
    """The same calls without p3idp, as short as a script can have them, over kept connections."""

    def __init__(self, lab: LabHandle) -> None:
        self.http = httpx.Client(verify=lab.tls, trust_env=False, timeout=30)
        self.keystone, self.issuer = lab.urls.keystone_url, lab.urls.issuer
        client = lab.settings.providers["egi"]
        self.client = (client.client_id, client.client_secret.resolve().reveal())
        self.admin = self._admin(lab.layout.secret("keystone-admin"))

    def exchange(self, token: str, *, end: datetime | None) -> tuple[str, str]:
        """Introspect, log in, list, scope, and where ``end`` is given end the token by a credential. (user, token)."""
        data = {"token": token}
        said = self.http.post(f"{self.issuer}/protocol/openid-connect/token/introspect", data=data, auth=self.client)
        assert said.json()["active"]
        path = "/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
        reply = self.http.post(self.keystone + path, headers={"Authorization": f"Bearer {token}"})
        user, unscoped = reply.json()["token"]["user"]["id"], reply.headers["X-Subject-Token"]
        projects = self._get("/auth/projects", unscoped)["projects"]
        project = next(each["id"] for each in projects if each["name"] == PROJECT)
        identity: dict[str, object] = {"methods": ["token"], "token": {"id": unscoped}}
        scoped = self._token({"identity": identity, "scope": {"project": {"id": project}}})
        return user, self._ended(user, scoped, end) if end else scoped

    def _ended(self, user: str, scoped: str, end: datetime) -> str:
        url = f"{self.keystone}/users/{user}/application_credentials"
        wanted = {"name": f"bare-{uuid4()}", "unrestricted": False, "roles": [{"name": "member"}],
                  "expires_at": end.strftime("%Y-%m-%dT%H:%M:%SZ")}  # fmt: skip
        body = {"application_credential": wanted}
        made = self.http.post(url, json=body, headers={"X-Auth-Token": scoped}).json()["application_credential"]
        secret = {"id": made["id"], "secret": made["secret"]}
        return self._token({"identity": {"methods": ["application_credential"], "application_credential": secret}})

    def lists(self) -> None:
        """What a plan has to read."""
        domains = self._get("/domains", self.admin)["domains"]
        domain = next(each["id"] for each in domains if each["name"] == "egi")
        for path in ("/projects", f"/groups?domain_id={domain}", "/roles", "/role_inferences", "/role_assignments"):
            self._get(path, self.admin)
        for provider in self._get("/OS-FEDERATION/identity_providers", self.admin)["identity_providers"]:
            self._get(f"/OS-FEDERATION/identity_providers/{provider['id']}/protocols", self.admin)
        self._get("/OS-FEDERATION/mappings", self.admin)

    def forget_credentials(self, user: str) -> None:
        """Take away what the measurement left, so that no list grows."""
        url = f"/users/{user}/application_credentials"
        for each in self._get(url, self.admin)["application_credentials"]:
            self.http.delete(f"{self.keystone}{url}/{each['id']}", headers={"X-Auth-Token": self.admin})

    def _get(self, path: str, token: str) -> dict[str, list[dict[str, str]]]:
        reply = self.http.get(self.keystone + path, headers={"X-Auth-Token": token}).raise_for_status()
        answer: dict[str, list[dict[str, str]]] = reply.json()
        return answer

    def _token(self, auth: dict[str, object]) -> str:
        reply = self.http.post(f"{self.keystone}/auth/tokens", json={"auth": auth}).raise_for_status()
        return reply.headers["X-Subject-Token"]

    def _admin(self, password: str) -> str:
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        return self._token({"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope})


def measure(
    name: str, rounds: int, prepare: Prepare, p3idp: Callable[[str], None], bare: Callable[[str], None]
) -> Pair:
    """Run both in turns; ``prepare`` gives each run something new, off the clock. One round first to warm up."""
    times: dict[str, list[float]] = {"p3idp": [], "bare": []}
    for turn in range(rounds + 1):
        order = [("p3idp", p3idp), ("bare", bare)]
        for who, run in order if turn % 2 else reversed(order):
            given = prepare()
            began = perf_counter()
            run(given)
            if turn:
                times[who].append((perf_counter() - began) * 1000)
    ours, theirs = (statistics.median(times[who]) for who in ("p3idp", "bare"))
    return Pair(name, round(ours, 1), round(theirs, 1), round(ours / theirs, 2), rounds)


def exchange_pairs(lab: LabHandle, bare: Bare, rounds: int) -> list[Pair]:
    """Exchange: with a token that lives longer than Keystone's (handed out as it is), and a shorter one."""
    broker = httpx.Client(base_url=lab.urls.broker_url, verify=lab.tls, trust_env=False, timeout=30)
    control, pairs = lab.control(), []
    user, _ = bare.exchange(lab.token("alice"), end=None)

    def prepare() -> str:
        bare.forget_credentials(user)
        return lab.token("alice")

    def through_p3idp(token: str) -> None:
        broker.post("/oauth/token", data=dict(a_form(token))).raise_for_status()

    for name, life, ends in [
        ("exchange, Keystone's token ends first", timedelta(hours=3), False),
        ("exchange, ended with its source", timedelta(minutes=20), True),
    ]:
        before = control.access_token_life(int(life.total_seconds()))
        end = datetime.now(UTC) + timedelta(minutes=20) if ends else None
        pairs.append(measure(name, rounds, prepare, through_p3idp, lambda token, e=end: bare.exchange(token, end=e)))
        control.access_token_life(before)
    return pairs


def plan_pair(lab: LabHandle, bare: Bare, rounds: int) -> Pair:
    """An empty plan, sign-in of the account not counted on either side."""
    access = wiring.wire_access(lab.settings)

    def plan(_: str) -> None:
        assert not access.plan(wiring.now()).changes

    return measure("empty plan", rounds, lambda: "", plan, lambda _: bare.lists())


def main() -> None:
    """Measure, print a table, write JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=15)
    asked.add_argument("--json", type=Path, default=Path("build/bench.json"))
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="p3idp-bench-") as directory, temporary_lab(Path(directory)) as lab:
        apply_policy(lab.layout)
        bare = Bare(lab)
        pairs = [*exchange_pairs(lab, bare, options.rounds), plan_pair(lab, bare, options.rounds)]
    print(f"{'medians of ' + str(options.rounds) + ' rounds':<40}{'p3idp ms':>10}{'bare ms':>10}{'ratio':>8}")
    for pair in pairs:
        print(f"{pair.name:<40}{pair.p3idp:>10}{pair.bare:>10}{pair.ratio:>8}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps([asdict(pair) for pair in pairs], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
