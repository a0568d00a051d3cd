"""The request under way. Owns what goes from the door into every log line, on to Keystone, and into the limits."""

from contextvars import ContextVar

# "req-<uuid>", the form OpenStack services accept as X-OpenStack-Request-ID; empty outside a request.
request_id: ContextVar[str] = ContextVar("request_id", default="")

# Whom the peer's address stands for (core/address.py); empty outside a request. A header never has a say in it.
client_address: ContextVar[str] = ContextVar("client_address", default="")
