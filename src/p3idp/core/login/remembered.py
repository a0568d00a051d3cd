"""What is remembered of a login: the allow-list, its text at rest, and the line that a replay reads. Owns all three.

Whatever is not a field of RememberedLogin is not kept: no name, no e-mail, no token, no further claim. How it is kept,
and for how long, is docs/adr/0010-remembered-logins.md.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.audit.event import Json, canonical
from p3idp.core.policy.claims import TypedClaims
from p3idp.core.policy.model import ClaimNames, ProviderId

_FORM = 1  # raise it when the shape changes: older rows are then unreadable, and end by themselves
_TEXTS = ("provider", "issuer", "subject", "client")
_LISTS = ("entitlements", "assurance")
ByClaim = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class RememberedLogin:
    """The claims that a decision needs (TypedClaims), and when p3idp saw them.

    ``by_claim``: the entitlements by the claim that held them, for each claim that the policy named then; empty where
    that was not kept. A migration of a claim is counted by it (core/migration).
    """

    provider: ProviderId
    issuer: str
    subject: str
    client: str
    entitlements: tuple[str, ...]
    assurance: tuple[str, ...]
    at: datetime
    by_claim: ByClaim = ()


def remembered(claims: TypedClaims, at: datetime, by_claim: ByClaim = ()) -> RememberedLogin:
    """The part of verified claims that may be kept: each field is taken by its name, and nothing else is."""
    return RememberedLogin(
        provider=claims.provider,
        issuer=claims.issuer,
        subject=claims.subject,
        client=claims.client,
        entitlements=claims.entitlements,
        assurance=claims.assurance,
        at=at,
        by_claim=by_claim,
    )


def login_to_text(login: RememberedLogin) -> str:
    """The text that is sealed."""
    row: dict[str, Json] = {name: getattr(login, name) for name in _TEXTS}
    row |= {name: list(getattr(login, name)) for name in _LISTS}
    # By their places in the list: most people's entitlements come under both names of a claim that is renamed.
    places = {text: place for place, text in enumerate(login.entitlements)}
    held: dict[str, Json] = {name: [places[text] for text in texts] for name, texts in login.by_claim}
    return canonical({**row, "form": _FORM, "at": login.at.isoformat(), **({"by_claim": held} if held else {})})


def login_from_text(text: str) -> RememberedLogin:
    """Read it again. Raises ValueError where it is not of this form."""
    try:
        row: Mapping[str, Any] = json.loads(text)
        if row["form"] != _FORM:
            raise ValueError("another form")
        texts = {name: str(row[name]) for name in _TEXTS}
        lists = {name: tuple(map(str, row[name])) for name in _LISTS}
        held = tuple(
            (name, tuple(lists["entitlements"][at] for at in p)) for name, p in row.get("by_claim", {}).items()
        )
        at = datetime.fromisoformat(row["at"])
        return RememberedLogin(**texts, **lists, at=at, by_claim=held)  # type: ignore[arg-type]  # ids
    except (AttributeError, IndexError, KeyError, TypeError) as exc:
        raise ValueError("not a remembered login") from exc


def as_line(login: RememberedLogin, names: ClaimNames) -> str:
    """The line that `p3idp mapping replay --logins` reads, with claims called as they came, else as ``names`` says."""
    claims: dict[str, Json] = {
        "iss": login.issuer,
        "azp": login.client,
        names.subject: login.subject,
        names.assurance: list(login.assurance),
    }
    held = dict(login.by_claim) or {name: login.entitlements for name in names.entitlements[:1]}
    claims |= {name: list(texts) for name, texts in held.items() if texts or not login.by_claim}
    line = {"claims": claims, "identity_provider": str(login.provider), "at": login.at.isoformat()}
    return json.dumps(line, ensure_ascii=False, sort_keys=True)
