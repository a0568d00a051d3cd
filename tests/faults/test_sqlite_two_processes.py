"""What a process wrote is there for others, however many engines it opened and whoever else came and went.

SQLite's locks are POSIX locks: a process that closes any descriptor of the file loses all of them, and another
process that leaves then removes the write-ahead log under its feet. The ledger once lost records that way.
"""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.ledger import StoredLedger
from p3idp.core.audit.event import Actor, AuditEvent, Outcome

READER = """
import sys
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.ledger import StoredLedger
print(len(StoredLedger(open_store(sys.argv[1]), "reader").latest(100)))
"""


def test_records_survive_a_second_engine_here_and_a_visitor_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/p3idp.sqlite"
    ledger = StoredLedger(open_store(url), "here")
    ledger.append(_event())
    open_store(url)  # as the sessions of the same process do
    assert _seen_elsewhere(url) == 1
    ledger.append(_event())
    assert _seen_elsewhere(url) == 2


def _event() -> AuditEvent:
    return AuditEvent("authenticate/exchange", Outcome.SUCCESS, Actor("k", "a"), ("k", "t"), datetime.now(UTC))


def _seen_elsewhere(url: str) -> int:
    done = subprocess.run([sys.executable, "-c", READER, url], capture_output=True, text=True, check=True)
    return int(done.stdout)
