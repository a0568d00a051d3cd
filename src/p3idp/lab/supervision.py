"""The lab's supervisor (PyPI supervisor), on a socket of its own. Owns its configuration, start, questions and end."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Any, cast
from xmlrpc.client import Fault, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from p3idp.errors.lab import ServerFailed
from p3idp.lab.layout import Layout, write_if_changed
from p3idp.lab.servers.base import Program

# Every process of a lab carries this variable with the lab's directory, so that none is ever mistaken.
MARK = "P3IDP_LAB"
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What the supervisor says of a program: its process, and its word for the state (RUNNING, FATAL, …)."""

    state: str
    pid: int

    @property
    def runs(self) -> bool:
        """Whether it is up or on its way up."""
        return self.state in {"RUNNING", "STARTING"}

    @property
    def gave_up(self) -> bool:
        """Whether the supervisor has stopped trying."""
        return self.state in {"FATAL", "EXITED", "UNKNOWN"}


def configure(layout: Layout, programs: Mapping[str, Program]) -> None:
    """Write the supervisor's configuration for these programs."""
    head = f"""\
[unix_http_server]
file={_socket(layout)}
chmod=0700
[supervisord]
logfile={_escape(layout.log("supervisord"))}
logfile_maxbytes=1MB
pidfile={layout.run}/supervisord.pid
directory={_escape(layout.state)}
{"user=root" if os.getuid() == 0 else ""}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{_socket(layout)}
"""
    sections = (_section(layout, name, program) for name, program in sorted(programs.items()))
    write_if_changed(_config(layout), head + "".join(sections))


def start(layout: Layout, *, tied: bool = False) -> None:
    """Start the supervisor with all its programs. ``tied``: it ends with this process, however that ends."""
    command = [str(Path(sys.executable).with_name("supervisord")), "-c", str(_config(layout))]
    if tied:
        # A parent that is killed can no longer clean up; the kernel tells the supervisor then (prctl(2), PDEATHSIG).
        command = ["setpriv", "--pdeathsig", "TERM", *command, "--nodaemon"]
    # Nothing of the caller's environment but what programs need: OS_…, proxies and CA bundles stay outside.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    with layout.log("supervisord-start").open("w") as log:
        process = subprocess.Popen(
            command, env=kept | {MARK: str(layout.state)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    deadline = monotonic() + _STOP_SECONDS
    while states(layout) is None:
        failed = process.poll() not in (None, 0)
        if failed or monotonic() > deadline:
            raise ServerFailed(f"The supervisor did not start:\n{layout.log('supervisord-start').read_text()[-1500:]}")
        sleep(0.05)


def update(layout: Layout) -> None:
    """Take over a changed configuration: changed programs restart, new ones start, others stay; stopped ones start."""
    _control(layout, "update")
    for name, process in (states(layout) or {}).items():
        if not process.runs:
            _control(layout, "start", name)


def states(layout: Layout) -> dict[str, ProcessState] | None:
    """The state of every program by name; None when no supervisor runs."""
    try:
        found = cast("list[dict[str, Any]]", _supervisor(layout).getAllProcessInfo())
    except (OSError, Fault):
        return None
    return {p["name"]: ProcessState(p["statename"], p["pid"]) for p in found}


def stop(layout: Layout) -> bool:
    """End the supervisor and everything that belongs to this lab, and nothing else. Tells whether anything ran."""
    ours = processes_of(layout)
    if states(layout) is not None:
        # All at once: a shutdown alone ends one after the other.
        _supervisor(layout).stopAllProcesses(False)
        _supervisor(layout).shutdown()
    else:  # the supervisor died, its programs may have stayed
        _signal(ours, psutil.Process.terminate)
    if not wait_gone(ours, _STOP_SECONDS) or processes_of(layout):
        left = processes_of(layout)
        _signal(left, psutil.Process.kill)
        wait_gone(left, 5)
    return bool(ours)


def wait_gone(processes: Iterable[psutil.Process], seconds: float) -> bool:
    """Wait until these have ended, and tell whether they have; a zombie has ended, whoever should bury it."""
    deadline = monotonic() + seconds
    left = list(processes)
    while left and monotonic() < deadline:
        sleep(0.05)
        left = [process for process in left if _runs(process)]
    return not left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_of(layout: Layout) -> list[psutil.Process]:
    """All processes that carry this lab's mark."""
    return [process for process in psutil.process_iter() if lab_of(process) == str(layout.state)]


def lab_of(process: psutil.Process) -> str | None:
    """The state directory of the lab that a process belongs to; None where it belongs to none, or to another user."""
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None


def _signal(processes: Iterable[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            send(process)


def _control(layout: Layout, *words: str) -> None:
    command = [str(Path(sys.executable).with_name("supervisorctl")), "-c", str(_config(layout)), *words]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    # A program that does not start is found by whoever waits for it, together with its log.
    if done.returncode and words[0] != "start":
        raise ServerFailed(f"The supervisor refused `{words[0]}`:\n{(done.stdout + done.stderr)[-1500:]}")


def _section(layout: Layout, name: str, program: Program) -> str:
    digest = sha256(b"".join(file.read_bytes() for file in program.inputs if file.is_file())).hexdigest()
    # The digest makes a changed input a changed program, which `update` restarts.
    environment = {**program.environment, "P3IDP_LAB_INPUTS": digest}
    pairs = ",".join(f'{key}="{_escape(value)}"' for key, value in sorted(environment.items()))
    return f"""
[program:{name}]
command={_escape(shlex.join(program.command))}
directory={_escape(program.directory)}
environment={pairs}
stdout_logfile={_escape(layout.log(name))}
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=1
redirect_stderr=true
startsecs=1
startretries=1
stopwaitsecs=10
stopasgroup=true
killasgroup=true
"""


def _escape(value: object) -> str:
    return str(value).replace("%", "%%")


def _config(layout: Layout) -> Path:
    return layout.state / "supervisord.conf"


def _socket(layout: Layout) -> Path:
    return layout.run / "supervisor.sock"


def _supervisor(layout: Layout) -> Any:
    transport = SupervisorTransport(None, None, f"unix://{_socket(layout)}")
    return ServerProxy("http://127.0.0.1", transport=transport).supervisor
