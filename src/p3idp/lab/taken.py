"""Say who holds a port that the lab needs. Owns the check before a start; which ports exist is addresses.py."""

import psutil

from p3idp.errors.lab import PortTaken
from p3idp.lab.addresses import HOST, is_free


def refuse_taken(server: str, port: int) -> None:
    """Raise PortTaken, naming the port and where the machine tells it the process, unless the port is free."""
    if is_free(port):
        return
    holder = _holder(port)
    raise PortTaken(
        f"Port {port} of {HOST}, which the lab's {server} needs, is taken{f' by {holder}' if holder else ''}.",
        hint="Stop that process, or start a lab on free ports: `p3idp lab up --free-ports --dir DIRECTORY`.",
    )


def _holder(port: int) -> str | None:
    """The process that listens there; None where the machine tells only root."""
    try:
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.pid and found.laddr and found.laddr[1] == port:
                return f"process {found.pid} ({psutil.Process(found.pid).name()})"
    except psutil.Error:
        pass  # without rights, or the process went away while we looked: the port's number must do
    return None
