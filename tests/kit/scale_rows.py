"""Projects, groups and grants as rows of the lab's own database. Owns the short way to a large Keystone.

For a machine that has not the hour for a whole first apply: p3idp applies a few communities, the rest is written as the
rows that came of it, and p3idp applies what remains. That its plan is empty then is the proof that the rows are right.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any
from uuid import uuid4

import big_policy
from scale_site import Say, ScaleSite

from p3idp import wiring
from p3idp.core.access.desired import desired_state
from p3idp.core.access.resources import Kind, Resource, mark

FEW = 5


def write_rows(site: ScaleSite, say: Say) -> None:
    """Apply a few communities, then write what all the others ask for."""
    files = big_policy.texts(FEW, site.lab.urls.issuer)
    small = big_policy.write(site.lab.layout.state / "few", files)
    wiring.wire_access(site.with_policy(small)).apply(wiring.now(), None)
    wanted = desired_state(wiring.wire_policy(site.settings), wiring.now()).resources
    file = site.lab.layout.state / "keystone" / "keystone.sqlite"
    with closing(sqlite3.connect(file, timeout=60)) as database, database:
        written = _Rows(database).write({(each.kind, each.key): each for each in wanted})
    say(f"{written:,} projects, groups and grants written as rows")


class _Rows:
    """One writing into the database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.domains = dict(self._all("SELECT name, id FROM project WHERE is_domain"))
        self.roles = dict(self._all("SELECT name, id FROM role"))
        self.projects = {row[:2]: row[2] for row in self._all("SELECT domain_id, name, id FROM project")}
        self.groups = {row[:2]: row[2] for row in self._all('SELECT domain_id, name, id FROM "group"')}

    def write(self, wanted: Mapping[tuple[Kind, Any], Resource]) -> int:
        """Write what is not there; returns how many."""
        before = self.database.total_changes
        for (kind, _), resource in sorted(wanted.items(), key=lambda each: [*Kind].index(each[0][0])):
            if kind is Kind.PROJECT:
                self._project(resource)
            elif kind is Kind.GROUP:
                self._group(resource)
            elif kind is Kind.ROLE_ASSIGNMENT:
                self._grant(resource)
        return self.database.total_changes - before

    def _project(self, wanted: Resource) -> None:
        domain, name = self.domains[wanted.key[0]], wanted.key[1]
        if (domain, name) not in self.projects:
            identity = self.projects[domain, name] = uuid4().hex
            row = (identity, name, json.dumps(wanted.attributes), "", 1, domain, domain, 0)
            self.database.execute("INSERT INTO project VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            self.database.execute("INSERT INTO project_tag VALUES (?, ?)", (identity, mark(str(wanted.owner))))

    def _group(self, wanted: Resource) -> None:
        domain, name = self.domains[wanted.key[0]], wanted.key[1]
        if (domain, name) not in self.groups:
            identity = self.groups[domain, name] = uuid4().hex
            row = (identity, domain, name, mark(str(wanted.owner)), "{}")
            self.database.execute('INSERT INTO "group" VALUES (?, ?, ?, ?, ?)', row)

    def _grant(self, wanted: Resource) -> None:
        domain, group, role, _, where, what = wanted.key
        held, project = self.groups[self.domains[domain], group], self.projects[self.domains[where], what]
        row = ("GroupProject", held, project, self.roles[role], 0)
        self.database.execute("INSERT OR IGNORE INTO assignment VALUES (?, ?, ?, ?, ?)", row)

    def _all(self, query: str) -> list[Any]:
        return self.database.execute(query).fetchall()
