"""The page where a person types the code of another device, and says whether they began that. Owns the three steps.

Nobody is signed in here yet, so the forms belong to a cookie of their own. A link with the code in it fills the field
and nothing more: looking a code up, and saying yes, take a press of a button on our own page each.
"""

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from p3idp.core.device.device import Answer, Device
from p3idp.core.device.user_code import read_user_code, shown_user_code
from p3idp.core.login.session import SessionId
from p3idp.errors.device import UserCodeRefused
from p3idp.errors.session import FormRefused
from p3idp.ops.device import DeviceDesk
from p3idp.web import cookies
from p3idp.web.device_token import PAGE
from p3idp.web.form_token import FIELD, check_form, form_token

ANSWER = f"{PAGE}/answer"


def device_pages(desk: DeviceDesk, base_url: str) -> Blueprint:
    """The pages over this desk."""
    blueprint = Blueprint("device", __name__)

    @blueprint.get(PAGE)
    def ask() -> ResponseReturnValue:
        known = read_user_code(request.args.get("user_code", ""))
        return _asking(desk, shown_user_code(known) if known else "")

    @blueprint.post(PAGE)
    def look() -> ResponseReturnValue:
        browser = _checked(base_url)
        try:
            device = desk.look(_typed())
            if device.answer is not Answer.NONE:
                raise UserCodeRefused("This code was answered already.", hint="Begin again at the other device.")
        except UserCodeRefused as error:
            return _asking(desk, "", error)
        return _shown("device_confirm.html", desk, device, token=form_token(browser))

    @blueprint.post(ANSWER)
    def answer() -> ResponseReturnValue:
        browser = _checked(base_url)
        try:
            if request.form.get("answer") != "yes":
                desk.refuse(_typed())
                return render_template("device_stopped.html", site=desk.policy().site)
            device, upstream = desk.agree(_typed(), browser)
        except UserCodeRefused as error:
            return _asking(desk, "", error)
        return _shown("device_onward.html", desk, device, upstream=upstream)

    return blueprint


def _asking(desk: DeviceDesk, code: str, error: UserCodeRefused | None = None) -> Response:
    browser = cookies.device_browser(request)
    mine = browser or SessionId(desk.new_token())
    page = render_template(
        "device.html", site=desk.policy().site, code=code, error=error, page=PAGE, field=FIELD, token=form_token(mine)
    )
    response = make_response(page, error.http_status if error else 200)
    if browser is None:
        cookies.give_device_browser(response, mine)
    return response


def _shown(template: str, desk: DeviceDesk, device: Device, **more: object) -> str:
    site = desk.policy().site
    return render_template(
        template,
        site=site,
        provider=site.provider(device.provider),
        device=device,
        code=shown_user_code(device.user_code),
        page=ANSWER,
        field=FIELD,
        **more,
    )


def _checked(base_url: str) -> SessionId:
    """The browser whose form this is. Raises FormRefused."""
    browser = cookies.device_browser(request)
    if browser is None:
        raise FormRefused("This browser did not get the form from here.", hint="Open the page again, with cookies on.")
    check_form(request, browser, base_url)
    return browser


def _typed() -> str:
    return request.form.get("user_code", "")
