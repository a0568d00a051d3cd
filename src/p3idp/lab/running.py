"""Bring a lab up and down and tell how it is. Owns the order of things; the servers know their own parts."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from p3idp.errors.lab import ServerFailed
from p3idp.lab import supervision
from p3idp.lab.authority import make_certificates
from p3idp.lab.files import write_settings, write_site
from p3idp.lab.layout import Layout, make_run, remove_run
from p3idp.lab.servers import SERVERS
from p3idp.lab.servers.base import Missing, Server
from p3idp.lab.taken import refuse_taken

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the status. ``state``: ready, starting, stopped, missing, or the supervisor's own word."""

    name: str
    address: str
    state: str
    log: Path
    hint: str = ""


def up(layout: Layout, say: Say, *, tied: bool = False, servers: Sequence[Server] = SERVERS) -> list[Row]:
    """Start what is not running, restart what changed, and wait until all of it answers.

    Parts that the machine lacks are named and left out. ``tied``: the lab ends with this process.
    Raises PortTaken before anything is started, ServerFailed with the end of the log.
    """
    here = [server for server in servers if not _say_missing(server.missing(layout), server, say)]
    states = supervision.states(layout)
    for server in here:
        known = (states or {}).get(server.name)
        port = server.port(layout)
        if port and not (known and known.runs):
            refuse_taken(server.name, port)
    prepare(layout, here)
    supervision.configure(layout, {server.name: server.program(layout) for server in here})
    if states is None:
        supervision.start(layout, tied=tied)
    else:
        supervision.update(layout)
    _await(layout, here, say)
    return status(layout, servers)


def prepare(layout: Layout, servers: Iterable[Server]) -> None:
    """Write all files that the servers and p3idp need."""
    make_run(layout)
    make_certificates(layout)
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


def status(layout: Layout, servers: Sequence[Server] = SERVERS) -> list[Row]:
    """How every server is now."""
    states = supervision.states(layout) or {}
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda server: _row(layout, server, states.get(server.name)), servers))


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
