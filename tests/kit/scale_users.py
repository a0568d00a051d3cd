"""Many federated users in the lab's Keystone. Owns real sign-ins through Apache, and rows that are copies of theirs.

A real sign-in takes a tenth of a second and more. So most users are rows: those that Keystone wrote for somebody who
did sign in, in every table that names them, with another subject, its id, and the groups of what they hold. What makes
a copy honest is checked by ``check_copies``: Keystone's API shows it as it shows the real one, and when the copied
person signs in, Keystone finds them and makes nobody new.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from time import perf_counter
from typing import Any
from urllib.parse import quote

import big_policy
import httpx
from scale_site import Say, ScaleSite

from p3idp import wiring
from p3idp.adapters.keystone.pages import whole_list
from p3idp.adapters.store.engine import writing
from p3idp.adapters.store.tables import REMEMBERED_LOGINS
from p3idp.core.access.people.known import user_id
from p3idp.core.login.remembered import RememberedLogin, login_to_text
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import ProviderId

PROVIDER = "egi"
MEMBERSHIP = "expiring_user_group_membership"
AT_ONCE = 2_000
# MariaDB makes an index for every foreign key, SQLite for none: without these each user would cost a walk through all.
FOREIGN = (
    ("federated_user", "user_id"),
    ("local_user", "user_id"),
    ("nonlocal_user", "user_id"),
    ("password", "local_user_id"),
    ("expiring_user_group_membership", "group_id"),
    ("user_option", "user_id"),
)


class ScaleUsers:
    """The users of one site."""

    def __init__(self, site: ScaleSite, say: Say) -> None:
        self.site, self.say = site, say
        self.everybody = list(big_policy.people(site.size.users, site.size.communities))
        self.url = site.lab.urls.keystone_url
        self.http = httpx.Client(verify=site.lab.tls, trust_env=False, timeout=120)
        token = site.session().get_token()
        self.admin = {"X-Auth-Token": token}
        found = self.get(f"/domains?name={wiring.wire_policy(site.settings).site.domain}")["domains"]
        self.domain = found[0]["id"]
        groups, _ = whole_list(self.get, f"/groups?domain_id={self.domain}", "groups")
        self.groups = {row["name"]: row["id"] for row in groups}

    def get(self, path: str) -> dict[str, Any]:
        """What Keystone says, as its administrator."""
        reply: dict[str, Any] = self.http.get(self.url + path, headers=self.admin).raise_for_status().json()
        return reply

    def id_of(self, number: int) -> str:
        """The id that Keystone gives this person."""
        return user_id(self.domain, self.everybody[number][0])

    def count(self) -> int:
        """Users that Keystone has of the provider."""
        with closing(self._database()) as database:
            rows = database.execute("SELECT count(*) FROM federated_user WHERE idp_id = ?", (PROVIDER,))
            return int(rows.fetchone()[0])

    def sign_in(self, number: int) -> tuple[str, float]:
        """Sign somebody in at the stand-in, then at Keystone through Apache: their id there, seconds at Keystone."""
        token = self.site.lab.token(f"person{number}")
        path = f"/OS-FEDERATION/identity_providers/{PROVIDER}/protocols/openid/auth"
        began = perf_counter()
        reply = self.http.post(self.url + path, headers={"Authorization": f"Bearer {token}"})
        spent = perf_counter() - began
        return str(reply.raise_for_status().json()["token"]["user"]["id"]), spent

    def fill(self) -> None:
        """Bring everybody. What is there already stays: a run that was cut off goes on."""
        began, real = perf_counter(), self.site.size.sign_ins
        with closing(self._database()) as database, database:
            for table, column in FOREIGN:
                database.execute(f"CREATE INDEX IF NOT EXISTS scale_{table}_{column} ON {table} ({column})")
        here = self._here()
        for number in range(real):
            if self.id_of(number) not in here:
                assert self.sign_in(number)[0] == self.id_of(number)
        self.say(f"{real:,} users signed in ({perf_counter() - began:.0f} s)")
        with closing(self._database()) as database:
            patterns = {table: rows for table, rows in self._rows_of(database, 0).items() if table != MEMBERSHIP}
            missing = [n for n in range(real, len(self.everybody)) if self.id_of(n) not in here]
            for first in range(0, len(missing), AT_ONCE):
                with database:
                    for number in missing[first : first + AT_ONCE]:
                        self._copy(database, patterns, number)
        self.say(f"{len(missing):,} users written as copies ({perf_counter() - began:.0f} s)")

    def remember(self) -> None:
        """Let p3idp remember a login of everybody: sealed as it seals them, in transactions of many."""
        began, store = perf_counter(), wiring.wire_logins(self.site.settings)
        assert store is not None
        now = wiring.now()
        known = {login.subject for login in store.recall(now).logins}
        missing = [n for n, (subject, _) in enumerate(self.everybody) if subject not in known]
        for first in range(0, len(missing), AT_ONCE):
            rows = [self._sealed(store, number, now) for number in missing[first : first + AT_ONCE]]
            with writing(store.engine) as connection:
                connection.execute(REMEMBERED_LOGINS.insert(), rows)
        self.say(f"{len(missing):,} logins remembered ({perf_counter() - began:.0f} s)")

    def _sealed(self, store: Any, number: int, now: Any) -> Mapping[str, object]:
        """A row as StoredLogins writes it; reading it again is part of every measurement."""
        subject, held = self.everybody[number]
        issuer = self.site.lab.urls.issuer
        texts = tuple(sorted(each.removesuffix("#aai.egi.eu") for each in held))
        login = RememberedLogin(
            ProviderId(PROVIDER), issuer, subject, "p3idp", texts, (ASSURED,), now, (("eduperson_entitlement", texts),)
        )
        person, until = store.names(PROVIDER, subject)[0], now + store.keep
        text = json.dumps({"person": person, "until": until.isoformat(), "login": login_to_text(login)})
        at, end = int(now.timestamp()), int(until.timestamp())
        return {"person": person, "sealed": store.seal.close(text.encode(), now), "at": at, "until": end}

    def _database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.site.lab.layout.state / "keystone" / "keystone.sqlite", timeout=60)

    def _here(self) -> set[str]:
        with closing(self._database()) as database:
            return {row[0] for row in database.execute("SELECT user_id FROM federated_user")}

    def _rows_of(self, database: sqlite3.Connection, number: int) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table that names this user or subject."""
        database.row_factory = sqlite3.Row
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        words = self._words(number)
        found: dict[str, list[dict[str, Any]]] = {}
        for name in names:
            rows = [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')]
            mine = [row for row in rows if any(value in words for value in row.values())]
            if mine:
                found[name] = mine
        return found

    def _words(self, number: int) -> Sequence[str]:
        subject = self.everybody[number][0]
        return [self.id_of(number), subject, quote(subject)]

    def _copy(self, database: sqlite3.Connection, patterns: Mapping[str, list[dict[str, Any]]], number: int) -> None:
        words = dict(zip(self._words(0), self._words(number), strict=True))
        for table, rows in patterns.items():
            for row in rows:
                new = {
                    key: words.get(value, value) for key, value in row.items() if type(row["id"]) is str or key != "id"
                }
                _insert(database, table, new)
        model = {"user_id": self.id_of(number), "idp_id": PROVIDER, "last_verified": self._verified(patterns)}
        for group in sorted(self.groups_of(number)):
            _insert(database, MEMBERSHIP, {**model, "group_id": group})

    def _verified(self, patterns: Mapping[str, list[dict[str, Any]]]) -> str:
        return str(patterns["user"][0]["created_at"])

    def groups_of(self, number: int) -> set[str]:
        """The ids of the groups that what somebody holds leads to."""
        held = (parse_entitlement(text) for text in self.everybody[number][1])
        return {self.groups[each.short] for each in held if each and each.short in self.groups}

    def check_copies(self) -> Iterator[str]:
        """What is wrong with a copy; nothing, if all is well. The last person can really sign in."""
        copied = len(self.everybody) - 1
        real, other = ([self.get(f"/users/{self.id_of(n)}{tail}") for tail in ("", "/groups")] for n in (0, copied))
        if _shape(real[0], self._words(0)) != _shape(other[0], self._words(copied)):
            yield f"Keystone shows a copied user otherwise: {real[0]} and {other[0]}"
        if {row["id"] for row in other[1]["groups"]} != self.groups_of(copied):
            yield "Keystone does not show a copied user's groups"
        if [set(row) for row in real[1]["groups"]][:1] != [set(row) for row in other[1]["groups"]][:1]:
            yield "Keystone shows a copied membership otherwise"
        before = self.count()
        found, _ = self.sign_in(copied)
        if found != self.id_of(copied) or self.count() != before:
            yield "a copied user who signed in became somebody else"
        again = {row["id"] for row in self.get(f"/users/{found}/groups")["groups"]}
        if again != self.groups_of(copied):
            yield "a copied user who signed in is in other groups"


ASSURED = "https://aai.egi.eu/LoA#Substantial"


def _insert(database: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    names, holes = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
    database.execute(f'INSERT INTO "{table}" ({names}) VALUES ({holes})', tuple(row.values()))


def _shape(value: Any, words: Sequence[str]) -> Any:
    """What Keystone shows, with what names the person taken out."""
    text = json.dumps(value, sort_keys=True)
    for number, word in enumerate(words):
        text = text.replace(word, f"<{number}>")
    return text
