"""The request under way. Owns its id, which goes from the door into every log line and on to Keystone."""

from contextvars import ContextVar

# "req-<uuid>", the form OpenStack services accept as X-OpenStack-Request-ID; empty outside a request.
request_id: ContextVar[str] = ContextVar("request_id", default="")
