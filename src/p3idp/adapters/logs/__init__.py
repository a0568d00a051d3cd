"""Logs: one JSON object a line on standard error, with the request's id, and without secrets.

Owns how structlog and the standard library's logging are joined; what is a secret is redact.py.
"""

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog

from p3idp.adapters.logs.redact import Redactor
from p3idp.ports.request import request_id

# Libraries that say at INFO what the access log says already, or at DEBUG what nobody should keep.
_QUIET = ("httpx", "httpcore", "keystoneauth", "keystoneclient", "urllib3", "stevedore", "alembic", "sqlalchemy.engine")


def configure_logs(level: str, known_secrets: Iterable[str] = ()) -> None:
    """Send all logs of this process, the libraries' too, to standard error as redacted JSON."""
    redact = Redactor(known_secrets)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,  # last before the text is made: whatever came before cannot slip a secret past it
            structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _add_request_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if request_id.get():
        event.setdefault("request_id", request_id.get())
    return event
