"""A broker for measurements: a lab's own settings with some of them changed, on a port of its own.

Owns that process. A lab's broker forgets what Check-in said within a second, for tests; sites may keep it for a minute.
How often one address may ask is counted as everywhere, and permitted as often as a measurement asks.
"""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from p3idp.lab.handle import LabHandle

UNLIMITED = 1_000_000


@contextmanager
def broker(lab: LabHandle, *, remembers: int = 60, per_minute: int = UNLIMITED) -> Iterator[tuple[str, int]]:
    """Its address and its process id.

    ``remembers``: seconds of [providers] introspection_cache_seconds; ``per_minute``: what [limits] permits an address
    and a person.
    """
    port = _free_port()
    url = f"https://localhost:{port}"
    text = lab.settings_path.read_text(encoding="utf-8")
    text = re.sub(r"(introspection_cache_seconds) = .*", rf"\1 = {remembers}", text)
    text = re.sub(r"(?m)^base_url = .*", f'base_url = "{url}"', text)
    text = re.sub(r"(?m)^listen = .*", f'listen = "127.0.0.1:{port}"', text)
    text = re.sub(r"(?m)^(address|person)_per_minute = .*", rf"\1_per_minute = {per_minute}", text)
    settings = lab.settings_path.with_name(f"bench-{port}.toml")
    settings.touch(0o600)
    settings.write_text(text, encoding="utf-8")
    program = Path(sys.executable).with_name("p3idp")
    with (lab.layout.state / f"bench-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", "--settings", settings], stdout=log, stderr=log, env=dict(os.environ)
        )
    try:
        _wait(lab, process, url)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait(lab: LabHandle, process: subprocess.Popen[bytes], url: str) -> None:
    for _ in range(600):
        assert process.poll() is None, "the broker did not start"
        try:
            with httpx.Client(verify=lab.tls, trust_env=False) as http:
                if http.get(f"{url}/healthz").status_code == 200:
                    return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("the broker does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
