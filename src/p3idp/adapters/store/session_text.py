"""A session as text and back. Owns the stored form; a form it does not know is no session."""

import json
from datetime import UTC, datetime
from typing import Any

from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.login.session import KeystoneView, Session
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.model import ProjectRef, ProviderId

_FORM = 2  # raise it when the shape changes: older sessions then end, and people sign in again


def session_to_text(session: Session) -> str:
    """The session as JSON."""
    claims, view = session.claims, session.keystone
    return json.dumps(
        {
            "form": _FORM,
            "began_at": _number(session.began_at),
            "claims": {
                "provider": claims.provider,
                "issuer": claims.issuer,
                "subject": claims.subject,
                "client": claims.client,
                "issued_at": _number(claims.issued_at),
                "expires_at": _number(claims.expires_at),
                "entitlements": claims.entitlements,
                "assurance": claims.assurance,
                "scopes": claims.scopes,
                "display_name": claims.display_name,
                "shown": dict(claims.shown),
            },
            "keystone": {
                "seen_at": _number(view.seen_at),
                "user_name": view.user_name,
                "projects": [[ref.domain, ref.name, roles] for ref, roles in view.projects],
                "unseen": [[ref.domain, ref.name] for ref in view.unseen],
                "problem": view.problem,
                "credentials": None if view.credentials is None else [_listed(each) for each in view.credentials],
                "lapses_at": view.lapses_at and _number(view.lapses_at),
            },
        },
        ensure_ascii=False,
        default=str,
    )


def session_from_text(text: str, seen_at: datetime) -> Session | None:
    """The session this JSON holds; None where it has another form."""
    try:
        document: dict[str, Any] = json.loads(text)
        if document["form"] != _FORM:
            return None
        return Session(
            claims=_claims(document["claims"]),
            keystone=_view(document["keystone"]),
            began_at=_moment(document["began_at"]),
            seen_at=seen_at,
        )
    except (ValueError, KeyError, TypeError):
        return None


def _claims(found: dict[str, Any]) -> VerifiedClaims:
    # What the verifier made, sealed by us and unsealed unchanged: this restores trust, it does not create it.
    return VerifiedClaims(
        provider=ProviderId(found["provider"]),
        issuer=found["issuer"],
        subject=found["subject"],
        client=found["client"],
        issued_at=_moment(found["issued_at"]),
        expires_at=_moment(found["expires_at"]),
        entitlements=tuple(found["entitlements"]),
        assurance=tuple(found["assurance"]),
        scopes=tuple(found["scopes"]),
        display_name=found["display_name"],
        shown=found["shown"],
    )


def _view(found: dict[str, Any]) -> KeystoneView:
    return KeystoneView(
        seen_at=_moment(found["seen_at"]),
        user_name=found["user_name"],
        projects=tuple((ProjectRef(domain, name), tuple(roles)) for domain, name, roles in found["projects"]),
        unseen=tuple(ProjectRef(domain, name) for domain, name in found["unseen"]),
        problem=found["problem"],
        credentials=None if found["credentials"] is None else tuple(_credential(*row) for row in found["credentials"]),
        lapses_at=found["lapses_at"] and _moment(found["lapses_at"]),
    )


def _listed(credential: ApplicationCredential) -> list[object]:
    project, until = credential.project, credential.until
    named = [project.domain, project.name] if project else None
    ends = until and _number(until)
    return [
        credential.id,
        credential.name,
        named,
        credential.project_id,
        credential.roles,
        ends,
        credential.unrestricted,
    ]


def _credential(
    identity: str, name: str, project: Any, project_id: str, roles: Any, ends: Any, unrestricted: bool
) -> ApplicationCredential:
    named = ProjectRef(*project) if project else None
    until = ends and _moment(ends)
    return ApplicationCredential(identity, name, named, project_id, tuple(roles), until, unrestricted)


def _number(moment: datetime) -> float:
    return moment.timestamp()


def _moment(number: float) -> datetime:
    return datetime.fromtimestamp(number, UTC)
