"""The pages for people: choose a provider, sign in, see one's access, sign out. Owns addresses and what pages get."""

from collections.abc import Mapping

import structlog
from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from p3idp.core.credentials.own import own_outlooks
from p3idp.core.login.callback import Callback, read_callback
from p3idp.core.login.differences import differences
from p3idp.core.login.session import Session
from p3idp.core.policy.decide import decide
from p3idp.core.policy.explanation import explain
from p3idp.core.policy.nearness import is_misspelt
from p3idp.core.policy.sentence import ask, reason
from p3idp.errors.base import P3idpError
from p3idp.ports.checkin import Purpose, SignInAttempt
from p3idp.ports.request import client_address
from p3idp.web import consent, cookies
from p3idp.web.consent import ACCESS
from p3idp.web.form_token import FIELD, check_form, form_token
from p3idp.web.metrics import SIGN_INS
from p3idp.web.parts import parts
from p3idp.web.problems import answer
from p3idp.web.visitor import go, signed_in

blueprint = Blueprint("pages", __name__)
_log = structlog.get_logger("p3idp.web")


@blueprint.get("/")
def front() -> ResponseReturnValue:
    """Who runs this, and with which identity providers one can sign in."""
    site = parts().desk.policy().site
    _, session = signed_in()
    return render_template("front.html", site=site, session=session, signed_out="signed_out" in request.args)


@blueprint.get("/login/<provider>")
def login(provider: str) -> ResponseReturnValue:
    """Send the browser to its identity provider."""
    here = parts()
    here.count_sign_in(client_address.get())
    attempt, url = here.desk.begin(provider, request.args.get("return_to", ACCESS))
    response = go(url)
    cookies.give_attempt(request, response, here.attempts, attempt, here.clock())
    return response


@blueprint.get("/login/<provider>/callback")
def callback(provider: str) -> ResponseReturnValue:
    """Take the provider's answer; whatever it is, the attempt is over."""
    here = parts()
    # Each end of an attempt asks the provider in our name, and attempts are to be had for nothing.
    here.count_sign_in(client_address.get())
    given = read_callback(list(request.args.items(multi=True)))
    attempt = cookies.find_attempt(request, here.attempts, given.state, here.clock())
    if here.consent and attempt and attempt.purpose is Purpose.CONSENT:
        response = consent.arrived(here.consent, provider, attempt, given)
    else:
        response = _arrived(provider, attempt, given)
    if attempt is not None:
        cookies.take_attempt(response, attempt)
    return response


def _arrived(provider: str, attempt: SignInAttempt | None, given: Callback) -> Response:
    try:
        arrival = parts().desk.finish(provider, attempt, given, replaces=cookies.session_id(request))
    except P3idpError as error:
        _count(provider, error.code)
        return answer(error)
    _count(provider, "success")
    claims, problem = arrival.session.claims, arrival.session.keystone.problem
    _log.info("signed in", provider=provider, keystone_problem=problem, issuer=claims.issuer)
    response = go(arrival.return_to)
    cookies.give_session(response, arrival.session_id)
    return response


@blueprint.get(ACCESS)
def access() -> ResponseReturnValue:
    """What the policy gives this person, and what Keystone holds."""
    session_id, session = signed_in()
    if session_id is None or session is None:
        return go("/")
    return render_template("access.html", **_seen(session), form_field=FIELD, form_token=form_token(session_id))


@blueprint.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session, here and in the browser."""
    session_id, session = signed_in()
    if session_id is not None and session is not None:
        check_form(request, session_id, parts().base_url)
        parts().desk.end(session_id)
    response = go("/?signed_out=1")
    cookies.take_session(response)
    return response


def _seen(session: Session) -> Mapping[str, object]:
    now = parts().clock()
    policy = parts().desk.policy()
    decision = decide(policy, session.claims, now)
    explanation = explain(policy, decision, session.claims.entitlements)
    provider = next((p for p in policy.site.identity_providers if p.id == session.claims.provider), None)
    about_consent = consent.shown(session)
    return {
        "site": policy.site,
        "session": session,
        "now": now,
        "provider": provider,
        "explanation": explanation,
        "reason": reason(explanation),
        "ask": ask(explanation, policy.site),
        "differences": differences(decision.access, session.keystone),
        **about_consent,
        "own_credentials": own_outlooks(
            session,
            decision,
            provider.authorization_ttl if provider else None,
            now,
            consented=about_consent["consent"] is not None,
        ),
        "misspelt": [text for text in session.claims.entitlements if is_misspelt(text)],
    }


def _count(provider: str, outcome: str) -> None:
    known = {p.id for p in parts().desk.policy().site.identity_providers}
    SIGN_INS.labels(provider if provider in known else "(none)", outcome).inc()
