"""Somebody with a telephone lets a command line in, at the real broker and the real stand-in, in a real browser."""

from pathlib import Path

import httpx
from chromium import DESKTOP, chromium, fill_in, new_person, picture

from p3idp.lab.handle import LabHandle

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def test_a_telephone_lets_a_command_line_in(site: LabHandle, tmp_path: Path):
    url = site.urls.broker_url
    with (
        httpx.Client(verify=site.tls, trust_env=False, headers={"User-Agent": "p3idp/0.1 on login01"}) as device,
        chromium(site.urls.broker, site.urls.checkin) as browser,
        new_person(browser, phone=True) as page,
    ):
        form = {"client_id": "p3idp-cli", "scope": "offline_access"}
        begun = device.post(f"{url}/oauth/device_authorization", data=form).json()
        page.goto(f"{url}/device")
        picture(page, tmp_path, "device-type-phone")
        page.fill("input[name=user_code]", begun["user_code"].lower().replace("-", " "))
        page.click("button[type=submit]")
        for place in ("Did you start this?", begun["user_code"], "127.0.0.1", "p3idp/0.1 on login01", "offline_access"):
            assert place in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it does not fit a telephone"
        picture(page, tmp_path, "device-phone")
        page.set_viewport_size(DESKTOP)
        picture(page, tmp_path, "device")
        page.click("button[value=yes]")
        code = page.inner_text("p.code")
        picture(page, tmp_path, "device-onward")
        page.click("a.button")
        assert code in page.inner_text("main"), "the provider shows another code than was announced"
        page.click("button[name=confirm]")
        if page.query_selector("input[name=login]"):
            fill_in(page, "alice")
        assert "Device connected" in page.inner_text("main")
        poll = {"grant_type": DEVICE, "client_id": "p3idp-cli", "device_code": begun["device_code"]}
        tokens = device.post(f"{url}/oauth/token", data=poll).json()
        assert tokens["token_type"] == "Bearer"
        assert {"access_token", "refresh_token", "id_token", "expires_in", "scope"} <= tokens.keys()


def test_a_link_on_a_telephone_asks_before_it_does_anything(site: LabHandle, tmp_path: Path):
    url = site.urls.broker_url
    with (
        httpx.Client(verify=site.tls, trust_env=False) as device,
        chromium(site.urls.broker) as browser,
        new_person(browser, phone=True, dark=True) as page,
    ):
        begun = device.post(f"{url}/oauth/device_authorization", data={"client_id": "p3idp-cli"}).json()
        before = site.control().counters()["device_authorization"]
        page.goto(begun["verification_uri_complete"])
        assert page.input_value("input[name=user_code]") == begun["user_code"]
        picture(page, tmp_path, "device-link-dark")
        page.click("button[type=submit]")
        page.click("button[value=no]")
        assert "Nobody gets in by this code" in page.inner_text("main")
        picture(page, tmp_path, "device-stopped")
        poll = {"grant_type": DEVICE, "client_id": "p3idp-cli", "device_code": begun["device_code"]}
        assert device.post(f"{url}/oauth/token", data=poll).json()["error"] == "access_denied"
        assert site.control().counters()["device_authorization"] == before
