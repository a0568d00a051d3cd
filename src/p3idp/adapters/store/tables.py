"""The tables, as SQLAlchemy knows them. Migrations make them; a test compares the two.

Owns names and portable types. Sessions add theirs to the same ``METADATA``.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import LONGBLOB, MEDIUMTEXT

METADATA = MetaData()

# MariaDB's TEXT ends at 64 kB; the intent of a large plan is longer.
LONG_TEXT = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")

LEDGER = Table(
    "ledger",
    METADATA,
    Column("writer", String(128), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    # Copies out of the event, to look records up by; audit verify compares them with it.
    Column("at", String(32), nullable=False),
    Column("action", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("about", String(160), nullable=False),
    Column("event", LONG_TEXT, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Index("ledger_at", "at"),
    Index("ledger_action_outcome", "action", "outcome"),
    Index("ledger_about", "about"),
)

LEDGER_HEADS = Table(
    "ledger_heads",
    METADATA,
    Column("writer", String(128), primary_key=True),
    Column("length", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
)

# Packed texts (history.py). ``good``: a copy of the outcome, to prune by; the ledger has the word on it.
ACCESS_HISTORY = Table(
    "access_history",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("target", String(512), nullable=False),
    Column("policy", String(128), nullable=False),
    Column("intent", String(160), nullable=False),
    Column("good", Boolean, nullable=False),
    Column("begun", LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb"), nullable=False),
    Column("left_behind", LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb"), nullable=False),
    Index("access_history_intent", "intent"),
    sqlite_autoincrement=True,  # a number is never used twice
)

# An id is kept as its SHA-256 and a session sealed (sessions.py). Moments are whole seconds since 1970, UTC.
WEB_SESSIONS = Table(
    "web_sessions",
    METADATA,
    Column("id_hash", String(64), primary_key=True),
    Column("sealed", LONG_TEXT, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("web_sessions_until", "until"),
)

SPENT_ATTEMPTS = Table(
    "spent_attempts",
    METADATA,
    Column("id_hash", String(64), primary_key=True),
    Column("until", BigInteger, nullable=False),
    Index("spent_attempts_until", "until"),
)

# The last login of a person at a provider, sealed (logins.py). ``person``: a keyed hash of both.
REMEMBERED_LOGINS = Table(
    "remembered_logins",
    METADATA,
    Column("person", String(64), primary_key=True),
    Column("sealed", LONG_TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("remembered_logins_until", "until"),
)

# What two people decide on (proposals.py). ``approval`` is empty until somebody approved.
PROPOSALS = Table(
    "proposals",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("sealed", LONG_TEXT, nullable=False),
    Column("approval", LONG_TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("proposals_until", "until"),
)

# Somebody's consent to be asked about while away, sealed with its refresh token (offline.py). ``person`` as above.
CONSENTS = Table(
    "consents",
    METADATA,
    Column("person", String(64), primary_key=True),
    Column("sealed", LONG_TEXT, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("consents_until", "until"),
)

# When the last answer about somebody that was acted on at a Keystone was asked for (rechecks.py). ``target``: the
# SHA-256 of its address; ``person`` as above.
RECHECKS = Table(
    "rechecks",
    METADATA,
    Column("target", String(64), primary_key=True),
    Column("person", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("rechecks_at", "at"),
)

# Sign-ins on another device that are under way, sealed (devices.py). ``id``: the SHA-256 of the device code.
# ``anonymous``: nobody has answered yet. Here the moments are milliseconds, so that a flood has an order.
DEVICES = Table(
    "devices",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("user_code", String(8), nullable=False, unique=True),
    Column("sealed", LONG_TEXT, nullable=False),
    Column("anonymous", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("devices_until", "until"),
    Index("devices_anonymous_at", "anonymous", "at"),
)
