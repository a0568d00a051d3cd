"""How large a mapping is, on its way to Keystone and at rest there. Owns both measures and Keystone's usual limits.

Neither limit is in Keystone's API reference. Verified on Keystone 29: a longer request is cut off (413; behind
mod_proxy_uwsgi Apache makes 503 of it), and MariaDB refuses a longer text (500, "Data too long for column 'rules'").
"""

import json
from collections.abc import Sequence
from typing import Any

MOST_SENT = 114_688  # bytes: [oslo_middleware] max_request_body_size, unless set
MOST_AT_REST = 65_535  # bytes of a TEXT of MariaDB and MySQL, which the column mapping.rules is


def sent(rules: Sequence[Any]) -> int:
    """Bytes of the request that creates or changes a mapping with these rules."""
    return len(json.dumps({"mapping": {"rules": list(rules), "schema_version": "2.0"}}))


def at_rest(rules: Sequence[Any]) -> int:
    """Bytes in Keystone's database, which keeps rules as JSON within JSON."""
    return len(json.dumps(json.dumps(list(rules))))
