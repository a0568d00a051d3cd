"""A site beside the lab's, on its Keystone and its providers: it honours a robot, and the jobs of a CI system.

It has a policy, an Apache and a broker of its own, since the lab's know of neither. The lab's second provider is the CI
system: its control hands out the tokens of jobs.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import httpx

from p3idp import wiring
from p3idp.lab.addresses import free_addresses
from p3idp.lab.handle import LabHandle
from p3idp.lab.servers.apache import binary
from p3idp.settings import Settings, load_settings

JOB = "project_path:physics/simulation:ref_type:branch:ref:main"
_CI = """\
  ci:
    title: Jobs of the code forge
    issuers: [{issuer}]
    verified_by: keys
    audiences: [{audience}]
    authorization_ttl: 1h
    keystone_url: {keystone}
"""


def robot_subject(client: str = "p3-robot") -> str:
    """Who the stand-in says that a client's service account is (service-account.mjs)."""
    h = sha256(client.encode()).hexdigest()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-8{h[17:20]}-{h[20:32]}@egi.eu"


@dataclass(frozen=True)
class Machines:
    """``keystone`` and ``jobs_keystone``: the two virtual hosts, ``/v3`` included."""

    lab: LabHandle
    directory: Path
    keystone: str
    jobs_keystone: str
    broker: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def settings_path(self) -> Path:
        return self.directory / "settings.toml"

    @property
    def settings(self) -> Settings:
        return load_settings(str(self.settings_path))

    @property
    def community(self) -> Path:
        return self.directory / "policy/communities/vo.access.egi.eu.yaml"

    def name(self, *people: tuple[str, str]) -> None:
        """Name these, each (provider, subject), on p3; nobody else."""
        text = self.community.read_text(encoding="utf-8").split("people:\n")[0].rstrip()
        entries = "".join(
            f'  - {{subject: "{who}", identity_provider: {provider}, projects: {{p3: [member]}}}}\n'
            for provider, who in people
        )
        self.community.write_text(f"{text}\n" + (f"people:\n{entries}" if people else ""), encoding="utf-8")

    def apply(self) -> list[str]:
        return apply(self.settings)

    def hold(self, *people: tuple[str, str]) -> None:
        """Name these and nobody else, at Keystone and at the broker, which reads the policy when it starts."""
        self.name(*people)
        self.apply()
        self.start("broker")
        time.sleep(1.1)  # in the second of a revocation Keystone revokes what is made anew as well

    def start(self, name: str) -> None:
        """Start a server, again where it runs, and wait until it answers."""
        self.stop(name)
        script = str(Path(sys.executable).with_name("p3idp"))
        command, urls = {
            "apache": (
                [str(binary()), "-D", "FOREGROUND", "-f", str(self.directory / "apache2.conf")],
                [f"{self.keystone}/", f"{self.jobs_keystone}/"],
            ),
            "broker": ([script, "serve", "--settings", str(self.settings_path)], [f"{self.broker}/healthz"]),
        }[name]
        log = self.directory / f"{name}.log"
        with log.open("a") as out:
            self.running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        for url in urls:
            _await(self.lab, url, log)

    def stop(self, name: str) -> None:
        if name in self.running:
            # gunicorn takes this for an end at once; asked to end it would wait for connections that are kept open.
            self.running[name].send_signal(signal.SIGINT if name == "broker" else signal.SIGTERM)
            self.running.pop(name).wait(20)

    def job(self, path: str = "physics/simulation", aud: str | list[str] | None = None, **more: str | int) -> str:
        """A token of a CI job, for our broker unless told otherwise."""
        return self.lab.control("hub").job_token(path, aud or self.broker, **more)

    def door(self, token: str, provider: str = "ci", base: str | None = None, **headers: str) -> httpx.Response:
        """Present a token at Keystone's own door."""
        url = f"{base or self.jobs_keystone}/OS-FEDERATION/identity_providers/{provider}/protocols/openid/auth"
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.post(url, headers=shown | headers, verify=self.lab.tls, trust_env=False, timeout=30)

    def exchange(self, token: str, project: str = "p3@egi") -> httpx.Response:
        """Ask the broker for a token of this project."""
        types = "urn:ietf:params:oauth:token-type:"
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token,
            "subject_token_type": f"{types}jwt",
            "scope": f"project:{project}",
        }
        return httpx.post(f"{self.broker}/oauth/token", data=form, verify=self.lab.tls, trust_env=False, timeout=30)


def apply(settings: Settings) -> list[str]:
    """Apply the policy of these settings now, whatever its findings are; says what was changed."""
    access, now = wiring.wire_access(settings), wiring.now()
    accepted = tuple(finding.name for finding in access.plan(now).findings if finding.blocking)
    return [f"{each.action} {each.resource.kind}" for each in access.apply(now, None, accepted).plan.changes]


@contextmanager
def machines_at(lab: LabHandle, directory: Path) -> Iterator[Machines]:
    """The site with its servers, ready. What it leaves at Keystone, no other story should meet."""
    directory.mkdir(exist_ok=True)
    ports = free_addresses(str(directory))
    at = [f"https://localhost:{port}" for port in (ports.checkin, ports.hub, ports.keystone)]
    world = Machines(lab, directory, f"{at[0]}/v3", f"{at[1]}/v3", at[2])
    _write(world)
    generated = directory / "site"
    wiring.wire_site_config(world.settings).write(generated)
    lines = (lab.state_dir / "apache/apache2.conf").read_text(encoding="utf-8").splitlines()
    own = {"PidFile": directory / "apache.pid", "DefaultRuntimeDir": directory, "Include": generated / "apache.conf"}
    text = "\n".join(f'{word} "{own[word]}"' if (word := line.split(" ")[0]) in own else line for line in lines)
    (directory / "apache2.conf").write_text(text + "\n", encoding="utf-8")
    try:
        world.start("apache")
        yield world
    finally:
        for name in list(world.running):
            world.stop(name)


def _write(world: Machines) -> None:
    lab, directory = world.lab, world.directory
    shutil.copytree(lab.settings.policy_dir, directory / "policy")
    shutil.rmtree(directory / "policy/environments")  # in one of them the second provider is the people's
    site = directory / "policy/site.yaml"
    honoured = site.read_text(encoding="utf-8").replace("p3idp-cli]", "p3idp-cli, p3-robot]")
    host = world.jobs_keystone.removesuffix("/v3")
    section = _CI.format(issuer=lab.urls.hub_issuer, audience=world.broker, keystone=host)
    site.write_text(f"{honoured.rstrip()}\n{section}", encoding="utf-8")
    port = {name: url.split(":")[2].split("/")[0] for name, url in (("k", world.keystone), ("b", world.broker))}
    text = lab.settings_path.read_text(encoding="utf-8")
    changed = {
        f'policy_dir = "{lab.settings.policy_dir}"': f'policy_dir = "{directory / "policy"}"',
        f'auth_url = "{lab.urls.keystone_url}"': f'auth_url = "{lab.urls.keystone_url}"\n'
        f'public_url = "{world.keystone}"',
        f'keystone_listen = "127.0.0.1:{lab.urls.keystone}"': f'keystone_listen = "127.0.0.1:{port["k"]}"',
        f'base_url = "{lab.urls.broker_url}"': f'base_url = "{world.broker}"',
        f'listen = "127.0.0.1:{lab.urls.broker}"': f'listen = "127.0.0.1:{port["b"]}"',
        f"sqlite:///{lab.state_dir}/p3idp.sqlite": f"sqlite:///{directory}/p3idp.sqlite",
        "[web]": f'[providers.ci]\nca_file = "{lab.ca_file}"\n'
        f'jwks_url = "{lab.urls.hub_issuer}/protocol/openid-connect/certs"\n\n[web]',
    }
    for before, after in changed.items():
        assert before in text, before
        text = text.replace(before, after)
    world.settings_path.write_text(text, encoding="utf-8")


def _await(lab: LabHandle, url: str, log: Path) -> None:
    for _ in range(300):
        try:
            if httpx.get(url, verify=lab.tls, trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer: {log.read_text(encoding='utf-8')[-2000:]}")
