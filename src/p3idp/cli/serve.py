"""``p3idp serve``: run the web service under gunicorn. Owns the socket, the workers and their limits.

The application is named by text and loaded in each worker, so that this command line knows nothing of it. Secrets come
from the settings in the worker itself; the command line and the environment only name the settings file.
"""

import errno
import os
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.options import load_settings, settings_option
from p3idp.errors.lab import PortTaken
from p3idp.errors.settings import SettingsInvalid
from p3idp.settings.load import ENVIRONMENT, VARIABLE, settings_path
from p3idp.settings.servers import WebSettings

APPLICATION = "p3idp.web.app:create_app()"
_THREADS = 8
_PROBLEMS = {
    errno.EADDRINUSE: "another process listens there already",
    errno.EACCES: "this user may not use that port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


@click.command()
@settings_option
def serve(settings_file: str | None) -> None:
    """Run the web service: the page for people and the token exchange.

    Address, certificate and workers are those of [web] in the settings. A SIGHUP reads settings and policy anew.
    """
    settings = load_settings(settings_file)
    web = wiring.web_settings(settings)
    wiring.wire_logs(settings)
    wiring.check_web_parts(settings)  # a mistake ends here, in one message, and not in every worker
    os.environ[VARIABLE] = str(settings_path(settings_file).resolve())
    os.environ[ENVIRONMENT] = settings.environment
    ready = listening(web.listen)
    # No `with`: a worker that ends unwinds this very stack, and would take the others' files with it.
    numbers = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="p3idp-metrics-")
    run_gunicorn(gunicorn_options(web, ready.fileno()) | {"on_exit": lambda _server: shutil.rmtree(numbers)})


def listening(address: str) -> socket.socket:
    """A socket that listens at ``host:port``. Raises PortTaken and SettingsInvalid."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingsInvalid(f"web.listen must be host:port; {address} is not.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ready = socket.socket(family, socket.SOCK_STREAM)
    ready.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        ready.bind((host.strip("[]"), int(port)))
        ready.listen(512)
    except (OSError, OverflowError) as exc:
        ready.close()
        known = _PROBLEMS.get(getattr(exc, "errno", 0) or 0, str(exc))
        raise PortTaken(f"The web service cannot listen at {address}: {known}.") from exc
    ready.set_inheritable(True)
    return ready


def gunicorn_options(web: WebSettings, descriptor: int) -> dict[str, Any]:
    """What gunicorn is told: our socket, TLS, threads, and limits to requests; no header of a proxy is believed."""
    options: dict[str, Any] = {
        "bind": f"fd://{descriptor}",
        "workers": web.workers,
        "worker_class": "gthread",
        "threads": _THREADS,
        "timeout": 60,
        "graceful_timeout": 20,
        "keepalive": 5,
        "max_requests": 10_000,
        "max_requests_jitter": 1_000,
        "limit_request_line": 8190,  # a callback's query holds a code and a state
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "header_map": "drop",
        "proxy_protocol": "off",
        "control_socket_disable": True,
        "accesslog": None,
        "errorlog": "-",
        "logger_class": _logger_class(),
        "proc_name": "p3idp",
        "child_exit": _forget_numbers,
    }
    if web.proxy_protocol_from:
        # gunicorn reads the line of a connection's first request alone: the next one on it would be the proxy's own.
        options |= {"proxy_protocol": "auto", "keepalive": 0}
        options["proxy_allow_ips"] = ",".join(map(str, web.proxy_protocol_from))
    if web.tls_cert and web.tls_key:
        options |= {"certfile": str(web.tls_cert), "keyfile": str(web.tls_key), "ssl_context": _strict_tls}
    return options


def run_gunicorn(options: dict[str, Any]) -> None:
    """Run until a signal ends it."""
    from gunicorn.app.base import BaseApplication
    from gunicorn.util import import_app

    class Service(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
        """gunicorn with options from here alone: no file, no environment, no command line of its own."""

        def load_config(self) -> None:
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return import_app(APPLICATION)

    sys.argv[1:] = []
    Service().run()


def _strict_tls(_config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _forget_numbers(_server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # untyped in prometheus_client


def _logger_class() -> type:
    from gunicorn.glogging import Logger

    class ToRoot(Logger):  # type: ignore[misc]  # gunicorn is untyped
        """gunicorn's words through our logs, where they become JSON and lose their secrets."""

        def setup(self, cfg: Any) -> None:
            self.error_log.propagate = True
            self.error_log.handlers.clear()
            self.access_log.propagate = False

    return ToRoot
