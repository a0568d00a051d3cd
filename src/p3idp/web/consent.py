"""Keep my access current while I am away, and stop that: two buttons of the access page, and the way back.

Owns HTTP's side of consenting. Beginning is a form too: a provider may know the browser and ask nothing, so that a mere
link on somebody's site could end in a consent.
"""

from collections.abc import Mapping

import structlog
from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from p3idp.core.login.callback import Callback
from p3idp.core.login.session import Session, SessionId
from p3idp.errors.base import P3idpError
from p3idp.errors.session import FormRefused, PageNotFound
from p3idp.ops.consent import ConsentDesk
from p3idp.ports.checkin import SignInAttempt
from p3idp.web import cookies
from p3idp.web.form_token import check_form
from p3idp.web.metrics import count_consent
from p3idp.web.parts import parts
from p3idp.web.problems import answer
from p3idp.web.visitor import go, signed_in

blueprint = Blueprint("consent", __name__)
ACCESS = "/access"
_log = structlog.get_logger("p3idp.web")


@blueprint.post("/access/keep")
def keep() -> ResponseReturnValue:
    """Send the browser to its provider to agree.

    By a page of its own, and not by a redirect: browsers hold a form's redirects against form-action, on whichever
    hosts the provider sends people on to.
    """
    desk, session = _allowed()
    attempt, url = desk.begin(session, ACCESS)
    provider = next(each for each in desk.policy().site.identity_providers if each.id == attempt.provider)
    response = make_response(render_template("leaving.html", site=desk.policy().site, provider=provider, url=url))
    cookies.give_attempt(request, response, parts().attempts, attempt, parts().clock())
    return response


@blueprint.post("/access/stop")
def stop() -> ResponseReturnValue:
    """End the consent, here and at the provider."""
    desk, session = _allowed()
    stopped = desk.stop(session)
    count_consent("stopped")
    _log.info("consent stopped", provider=session.claims.provider, how_far=stopped.value)
    return go(f"{ACCESS}?stopped={stopped.value}")


def arrived(desk: ConsentDesk, provider: str, attempt: SignInAttempt, given: Callback) -> Response:
    """Take the provider's answer to somebody who was sent there to agree."""
    _, session = signed_in()
    try:
        access = desk.finish(provider, attempt, given, session)
    except P3idpError as error:
        count_consent(error.code)
        return answer(error)
    count_consent("kept")
    _log.info("consent kept", provider=access.provider, issuer=access.issuer)
    return go(attempt.return_to)


def shown(session: Session) -> Mapping[str, object]:
    """What the access page says of this person's consent."""
    desk = parts().consent
    if desk is None:
        return {"offers_consent": False, "consent": None}
    kept = desk.kept(session)
    return {
        "offers_consent": True,
        "consent": kept,
        "ask_every": desk.ask_every,
        "lasts": desk.lasts,
        "ends_at": kept.consented_at + desk.lasts if kept else None,
        "stopped": request.args.get("stopped", "") if kept is None else "",
    }


def _allowed() -> tuple[ConsentDesk, Session]:
    """The desk and the session, where the form is the session's own. Raises PageNotFound, FormRefused."""
    desk = parts().consent
    if desk is None:
        raise PageNotFound("There is no such page.")
    session_id, session = signed_in()
    if session_id is None or session is None:
        raise FormRefused("You are not signed in here any more.", hint="Sign in and try again.")
    check_form(request, SessionId(session_id), parts().base_url)
    return desk, session
