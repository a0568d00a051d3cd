"""Bring a lab up and down and tell how it is. Owns the order of things; the servers know their own parts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from p3idp.errors.lab import ServerFailed
from p3idp.lab import supervision
from p3idp.lab.authority import make_certificates
from p3idp.lab.files import write_policy, write_settings, write_site
from p3idp.lab.layout import Layout, alone, make_run, remove_run
from p3idp.lab.servers import OPTIONAL, SERVERS
from p3idp.lab.servers.base import Missing, Server
from p3idp.lab.taken import refuse_taken

Say = Callable[[str], None]
States = Mapping[str, supervision.ProcessState]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the status. ``state``: ready, starting, stopped, missing, or the supervisor's own word."""

    name: str
    address: str
    state: str
    log: Path
    hint: str = ""


def up(layout: Layout, say: Say, *, tied: bool = False, extras: Iterable[str] = ()) -> list[Row]:
    """Start what is not running, restart what changed, and wait until all of it answers.

    ``extras``: optional servers by name; those that run already stay. Parts that the machine lacks are named and
    left out. ``tied``: the lab ends with this process. Raises PortTaken before anything is started, ServerFailed
    with the end of the log.
    """
    for server in [server for name in extras for server in OPTIONAL[name]]:
        server.bring(say)
    with alone(layout.state / "lock"):  # one command at a time changes a lab
        if not layout.settings.exists():  # a new lab, or one whose directory was deleted under its servers
            supervision.stop(layout)
        states = supervision.states(layout)
        wanted = _wanted(states or {}, extras)
        here = [server for server in wanted if not _say_missing(server.missing(layout), server, say)]
        _refuse_taken_ports(layout, here, states or {})
        prepare(layout, here)
        supervision.configure(layout, {server.name: server.program(layout) for server in here})
        if states is None:
            supervision.start(layout, tied=tied)
        else:
            supervision.update(layout)
    _await(layout, here, say)
    return status(layout)


def _wanted(states: States, extras: Iterable[str] = ()) -> list[Server]:
    """All usual servers, the extras asked for, and those that the supervisor knows from before."""
    optional = [(name, server) for name, servers in OPTIONAL.items() for server in servers]
    return [*SERVERS, *(server for name, server in optional if name in extras or server.name in states)]


def _refuse_taken_ports(layout: Layout, servers: Iterable[Server], states: States) -> None:
    for server in servers:
        port, process = server.port(layout), states.get(server.name)
        if port and not (process and process.runs):
            refuse_taken(server.name, port)


def prepare(layout: Layout, servers: Iterable[Server]) -> None:
    """Write all files that the servers and p3idp need."""
    make_run(layout)
    make_certificates(layout)
    write_policy(layout)
    write_settings(layout)
    write_site(layout)
    with ThreadPoolExecutor() as pool:
        for outcome in [pool.submit(server.prepare, layout) for server in servers]:
            outcome.result()


def down(layout: Layout) -> bool:
    """End everything this lab started, and nothing else; its state stays. Tells whether anything ran."""
    ran = supervision.stop(layout)
    remove_run(layout)
    return ran


def status(layout: Layout) -> list[Row]:
    """How every server is now."""
    states = supervision.states(layout) or {}
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda server: _row(layout, server, states.get(server.name)), _wanted(states)))


def _row(layout: Layout, server: Server, process: supervision.ProcessState | None) -> Row:
    missing = server.missing(layout)
    if missing:
        return Row(server.name, server.address(layout), "missing", layout.log(server.name), missing.command)
    if process is None:
        state = "stopped"
    elif process.runs:
        state = "ready" if server.is_ready(layout) else "starting"
    else:
        state = process.state.lower()
    return Row(server.name, server.address(layout), state, layout.log(server.name))


def _say_missing(missing: Missing | None, server: Server, say: Say) -> bool:
    if missing is None:
        return False
    say(f"{server.name}: this machine lacks {missing.what}; going on without. To bring it: {missing.command}")
    return True


def _await(layout: Layout, servers: Sequence[Server], say: Say) -> None:
    """Wait for each server in turn; they all load at the same time."""
    begin = monotonic()
    waiting = list(servers)
    while waiting:
        states = supervision.states(layout) or {}
        for server in list(waiting):
            process = states.get(server.name)
            if process is None or process.gave_up:
                raise _failed(layout, server, "stopped while starting")
            if server.is_ready(layout):
                server.join(layout)
                waiting.remove(server)
                say(f"{server.name} is ready ({monotonic() - begin:.0f} s): {server.address(layout)}")
            elif monotonic() - begin > server.patience_seconds:
                raise _failed(layout, server, f"did not answer within {server.patience_seconds} s")
        sleep(0.1)


def _failed(layout: Layout, server: Server, what: str) -> ServerFailed:
    log = layout.log(server.name)
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    end = "\n".join(text.splitlines()[-20:]) or "(nothing)"
    return ServerFailed(f"The lab's {server.name} {what}. The end of its log {log}:\n{end}")
