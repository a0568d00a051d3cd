"""Say who holds a port that the lab needs. Owns the check before a start; which ports exist is addresses.py."""

from pathlib import Path

import psutil

from p3idp.errors.lab import PortTaken
from p3idp.lab.addresses import HOST, is_free
from p3idp.lab.supervision import lab_of


def refuse_taken(server: str, port: int) -> None:
    """Raise PortTaken, naming the port and where the machine tells it the process, unless the port is free."""
    if is_free(port):
        return
    holder = _holder(port)
    other_lab = lab_of(holder) if holder else None
    stop = f"Stop the lab in {other_lab} (`p3idp lab down --dir {other_lab}`)" if other_lab else "Stop that process"
    raise PortTaken(
        f"Port {port} of {HOST}, which the lab's {server} needs, is taken{f' by {_name(holder)}' if holder else ''}.",
        hint=f"{stop}, or start a lab on free ports: `p3idp lab up --free-ports --dir DIRECTORY`.",
    )


def _holder(port: int) -> psutil.Process | None:
    """The process that listens there; None where the machine tells only root."""
    try:
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.pid and found.laddr and found.laddr[1] == port:
                return psutil.Process(found.pid)
    except psutil.Error:
        pass  # without rights, or the process went away while we looked: the port's number must do
    return None


def _name(process: psutil.Process) -> str:
    """Its number and the program it runs, such as ``process 42 (node server.mjs)``."""
    try:
        words = [word for word in process.cmdline()[:2] if not word.startswith("-")]
        return f"process {process.pid} ({' '.join(Path(word).name for word in words) or process.name()})"
    except psutil.Error:
        return f"process {process.pid}"
