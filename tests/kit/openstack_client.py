"""The real `openstack` client as a program that starts at once: imported one time, forked for each call.

What the client does is its own; only the second that its import takes is saved, which a script of thirty calls feels.
"""

import contextlib
import importlib
import json
import os
import pkgutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import openstackclient.identity.v3
from openstackclient import shell

PROGRAM = """\
#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    body = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(body).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(body)
    sys.exit(int(server.recv(8) or b"70"))
"""


@contextlib.contextmanager
def openstack_client(directory: Path) -> Iterator[Path]:
    """A directory for PATH that holds `openstack`; the server behind it ends with this block."""
    address = directory / "s"
    program = directory / "bin/openstack"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM.format(python=sys.executable, address=str(address)), encoding="utf-8")
    program.chmod(0o755)
    with subprocess.Popen([sys.executable, __file__, str(address)], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield program.parent
        finally:
            server.kill()


def _serve(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        _warm(shell.main)
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            with connection:
                _answer(connection, shell.main)


def _warm(client: Callable[[list[str]], object]) -> None:
    """Let it import what it imports at its first call, which fails: nobody is asked."""
    for module in pkgutil.iter_modules(openstackclient.identity.v3.__path__, "openstackclient.identity.v3."):
        importlib.import_module(module.name)
    nobody = ["--os-auth-url=http://localhost:1/v3", "--os-username=x", "--os-password=x", "--os-project-name=x"]
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        client([*nobody, "--os-user-domain-id=default", "--os-project-domain-id=default", "token", "issue"])


def _answer(connection: socket.socket, client: Callable[[list[str]], object]) -> None:
    head, handles, _, _ = socket.recv_fds(connection, 8, 3)
    body = b""
    while len(body) < int.from_bytes(head, "big"):
        body += connection.recv(65536)
    child = os.fork()
    if child == 0:
        _become(handles, *json.loads(body), client)
    for handle in handles:
        os.close(handle)
    connection.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _become(
    handles: list[int],
    arguments: list[str],
    directory: str,
    environment: dict[str, str],
    client: Callable[[list[str]], object],
) -> None:
    status: object = 70
    try:
        for number, handle in enumerate(handles):
            os.dup2(handle, number)
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(environment)
        status = client(arguments)
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1 if status else 0)


if __name__ == "__main__":
    _serve(sys.argv[1])
