"""The history's values as text and back. Owns the one text of each, by whose digest the ledger names it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from p3idp.core.access.commit import Commit
from p3idp.core.access.history import Begun
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Resource, Snapshot
from p3idp.core.access.way_back import way_back
from p3idp.core.audit.event import Json, canonical

FORM = 1  # raise it when the shape changes; an older form that is not read any more cannot be rolled back to


def digest_of(text: str) -> str:
    """The digest by which the ledger names a stored text."""
    return hashlib.sha256(text.encode()).hexdigest()


def begun_to_text(begun: Begun) -> str:
    """The one text of what a run began with."""
    changes: list[Json] = [{"before": _row(c.before), "after": _row(c.after)} for c in begun.wanted]
    return canonical(
        {
            "form": FORM,
            "policy": begun.policy,
            "policy_digest": begun.policy_digest,
            "target": begun.target,
            "domain": begun.domain,
            "plan": begun.plan,
            "found": _snapshot_row(begun.found),
            "wanted": changes,
            "files": dict(begun.files),
            "rollback_to": begun.rollback_to.as_json() if begun.rollback_to else None,
            "environment": begun.environment,
            "commit": begun.commit.as_json() if begun.commit else None,
        }
    )


def begun_from_text(text: str) -> Begun:
    """Read it again. Raises ValueError where it is not of this form."""
    row = _parsed(text)
    if row["form"] != FORM:
        raise ValueError("another form")
    changes = tuple(Change(_optional(each["before"]), _optional(each["after"])) for each in row["wanted"])
    named = {name: row[name] for name in ("policy", "policy_digest", "target", "domain", "plan")}
    back = way_back(row["rollback_to"])
    return Begun(
        **named,
        found=_snapshot(row["found"]),
        wanted=changes,
        files=row["files"],
        rollback_to=back,
        environment=row.get("environment", ""),  # earlier versions knew neither
        commit=_commit(row.get("commit")),
    )


def _commit(row: Any) -> Commit | None:
    return Commit(row["id"], tuple(row["changed"])) if row else None


def snapshot_to_text(snapshot: Snapshot) -> str:
    """The one text of a snapshot: resources and the names of the lists that were cut short."""
    return canonical(_snapshot_row(snapshot))


def snapshot_from_text(text: str) -> Snapshot:
    """Read it again. Raises ValueError where it is none."""
    return _snapshot(_parsed(text))


def _parsed(text: str) -> Any:
    row = json.loads(text)
    if not isinstance(row, dict):
        raise ValueError("not an object")
    return row


def _snapshot_row(snapshot: Snapshot) -> Mapping[str, Json]:
    return {"resources": [_row(resource) for resource in snapshot.resources], "missing": list(snapshot.missing)}


def _snapshot(row: Any) -> Snapshot:
    resources = tuple(_resource(each) for each in row["resources"])
    return Snapshot(resources, {}, tuple(row["missing"]))


def _row(resource: Resource | None) -> Json:
    if resource is None:
        return None
    attributes = dict(resource.attributes)
    return {
        "kind": resource.kind.value,
        "key": list(resource.key),
        "attributes": attributes,
        "owner": resource.owner,
    }


def _resource(row: Any) -> Resource:
    return Resource(Kind(row["kind"]), tuple(row["key"]), row["attributes"], row["owner"])


def _optional(row: Any) -> Resource | None:
    return None if row is None else _resource(row)
