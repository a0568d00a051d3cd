"""Attacks on the browser door: callbacks, cookies, headers, return addresses. Pages and rules are real."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from battery import Attack
from flask.testing import FlaskClient
from webkit import BASE, Door, get, policy, provider
from werkzeug.test import TestResponse

from p3idp.core.login.return_to import safe_return_to
from p3idp.web.cookies import ATTEMPT, SESSION

CALLBACK = "/login/egi/callback"
LOOK_ALIKES = {
    "OIDC-sub": "alice@egi.eu",
    "OIDC_CLAIM_sub": "alice@egi.eu",
    "Oidc-Eduperson-Entitlement": "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator",
    "REMOTE_USER": "admin",
    "Remote-User": "admin",
    "X-Remote-User": "admin",
    "X-Forwarded-User": "admin",
    "X-User-Id": "admin",
    "X-User-Name": "admin",
    "X-Roles": "admin",
    "x_roles": "admin",
    "X-Project-Id": "admin",
    "X-Is-Admin-Project": "True",
    "X-Identity-Status": "Confirmed",
    "X-Auth-Token": "gAAAAA",
    "Authorization": "Bearer eyJhbGciOiJub25lIn0.e30.",
}


@pytest.fixture
def door() -> Door:
    return Door()


def nobody_in(door: Door, browser: FlaskClient, reply: TestResponse, status: int = 400) -> bool:
    """No session was made, no token call, and the answer is a plain refusal."""
    inside = get(browser, "/access").status_code == 200
    return reply.status_code == status and not door.sessions.held and not door.provider.token_calls and not inside


def _state_of(answer: dict[str, str], browser: FlaskClient, door: Door) -> dict[str, dict[str, str]]:
    other = door.provider.agree(door.begin(door.browser()))
    return {
        "wrong": answer | {"state": answer["state"][:-1] + ("a" if answer["state"][-1] != "a" else "b")},
        "empty": answer | {"state": ""},
        "missing": {name: value for name, value in answer.items() if name != "state"},
        "id alone": answer | {"state": answer["state"].split(".")[0]},
        "longer": answer | {"state": answer["state"] + "x"},
        "of another browser": answer | {"state": other["state"]},
        "another browser's whole answer": other,
        "not ASCII": answer | {"state": answer["state"][:-1] + "\u00e9"},
        "path in the id": answer | {"state": "../../../../../x." + answer["state"]},
    }


@pytest.mark.attack("R47", "R48", "R49")
def test_only_a_state_of_this_browser_is_taken(door: Door, attack: Attack) -> None:
    browser = door.browser()
    answer = door.provider.agree(door.begin(browser))
    for name, given in _state_of(answer, browser, door).items():
        row = "R48" if name in ("missing", "empty") else "R49" if "another" in name else "R47"
        reply = get(browser, CALLBACK, **given)
        attack.saw(name, nobody_in(door, browser, reply), str(reply.status_code), row)
        assert nobody_in(door, browser, reply), name


@pytest.mark.attack("R49")
def test_a_used_state_is_not_taken_again(door: Door, attack: Attack) -> None:
    browser = door.browser()
    url = door.begin(browser)
    planted = next(cookie for cookie in browser._cookies.values() if cookie.key.startswith(ATTEMPT))
    answer = door.provider.agree(url)
    assert get(browser, CALLBACK, **answer).status_code == 303
    calls = list(door.provider.token_calls)
    browser.set_cookie(planted.key, planted.value, domain="broker.example.org", path="/", secure=True)
    reply = get(browser, CALLBACK, **door.provider.agree(url))
    held = reply.status_code == 400 and door.provider.token_calls == calls and f"{SESSION}=" not in str(reply.headers)
    attack.saw("an old copy of the cookie, the used state and a fresh code", held, str(reply.status_code))
    assert held


@pytest.mark.attack("R53", "R60")
def test_no_cookie_can_be_planted_from_a_neighbouring_host(door: Door) -> None:
    browser = door.browser()
    begun = get(browser, "/login/egi").headers.getlist("Set-Cookie")
    arrived = door.sign_in(browser).headers.getlist("Set-Cookie")
    left = get(browser, "/access").headers.getlist("Set-Cookie")
    assert begun
    assert arrived
    for cookie in (*begun, *arrived, *left):
        # RFC 6265bis: with this prefix a browser takes a cookie from this host alone, over https, for all paths.
        assert cookie.startswith("__Host-"), cookie
        assert "; Path=/;" in cookie + ";"
        assert "; Secure" in cookie
        assert "; HttpOnly" in cookie
        assert "Domain=" not in cookie


@pytest.mark.attack("R49")
def test_an_old_state_is_not_taken(door: Door) -> None:
    browser = door.browser()
    answer = door.provider.agree(door.begin(browser))
    door.clock.forward(minutes=11)
    assert nobody_in(door, browser, get(browser, CALLBACK, **answer))


@pytest.mark.attack("R50")
@pytest.mark.parametrize("name", ["state", "code", "iss", "error"])
def test_a_repeated_parameter_is_a_bad_request(door: Door, name: str) -> None:
    browser = door.browser()
    answer = door.provider.agree(door.begin(browser))
    query = [*answer.items(), (name, answer.get(name, "x"))] + ([("error", "x")] if name == "error" else [])
    reply = browser.get(CALLBACK, base_url=BASE, query_string="&".join(f"{k}={quote(v)}" for k, v in query))
    assert nobody_in(door, browser, reply)


@pytest.mark.attack("R51", "R52")
def test_the_answer_names_the_issuer_that_was_asked(attack: Attack) -> None:
    own = "https://egi.example.org"
    for issuer in (None, "", "https://evil.example.org", own + "/", own.upper(), own.replace("https", "http")):
        door = Door()
        browser = door.browser()
        answer = door.provider.agree(door.begin(browser))
        del answer["iss"]
        reply = get(browser, CALLBACK, **answer | ({} if issuer is None else {"iss": issuer}))
        held = nobody_in(door, browser, reply)
        attack.saw(str(issuer), held, str(reply.status_code), "R52" if issuer is None else "R51")
        assert held, issuer


@pytest.mark.accept_control
def test_a_provider_that_never_names_itself_needs_not(door: Door) -> None:
    door.provider.always_names_issuer = False
    browser = door.browser()
    answer = door.provider.agree(door.begin(browser))
    del answer["iss"]
    assert get(browser, CALLBACK, **answer).status_code == 303


@pytest.mark.attack("R51")
@pytest.mark.parametrize("named", [True, False])
def test_an_answer_of_one_provider_does_not_finish_a_sign_in_at_another(named: bool) -> None:
    door = Door(policy(provider(), provider("hub", "The hub")))
    door.provider.always_names_issuer = named
    browser = door.browser()
    answer = door.provider.agree(door.begin(browser, "egi"))
    if not named:
        del answer["iss"]
    assert nobody_in(door, browser, get(browser, "/login/hub/callback", **answer))


@pytest.mark.attack("R53")
def test_a_link_to_a_foreign_sign_in_does_nothing_in_a_victims_browser(door: Door) -> None:
    attacker, victim = door.browser(), door.browser()
    answer = door.provider.agree(door.begin(attacker))
    assert nobody_in(door, victim, get(victim, CALLBACK, **answer))


RETURNS = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2f%2fevil.example",
    "%2f%2fevil.example",
    "/%5cevil.example",
    "/%252fevil.example",
    "/\tevil.example",
    "/\t/evil.example",
    "/\r\n/evil.example",
    "/%09/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/\n/evil.example",
    " //evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:///evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "/javascript:alert(1)",
    "data:text/html,x",
    "@evil.example",
    "/@evil.example",
    "/access@evil.example",
    "https://broker.example.org@evil.example",
    "https://broker.example.org.evil.example",
    "/..//evil.example",
    "/./\\evil.example",
    "/access/..//evil.example",
    "/access//evil.example",
    "\uff0f\uff0fevil.example",
    "/\uff0fevil.example",
    "/\u2215evil.example",
    "//evil\u3002example",
    "//\uff45vil.example",
    "/\u200b/evil.example",
    "/\x00/evil.example",
    "/access#//evil.example",
    "?next=//evil.example",
    ".evil.example",
    "/;@evil.example",
    "/<script>",
    "/access?next=https://evil.example",
    "/a" * 200,
    "[::1]",
    "//[::1",
    "/\u202e/evil",
    "",
]


@pytest.mark.attack("R54")
def test_after_signing_in_nobody_is_sent_elsewhere(door: Door, attack: Attack) -> None:
    # Every pair of a beginning and a host that a lenient parser could take for an authority, besides the named ones.
    starts = ["/", "//", "/\\", "\\/", "/%2f", "/%5c", "/\t/", "/.//", "/%00/", "/%0a/", "/ /", "https:/", "https:\\\\"]
    hosts = ["evil.example", "evil%E3%80%82example", "127.0.0.1:80", "[::1]", "user@evil.example", "evil\uff0eexample"]
    tails = ["", "/", "/access", "/%2e%2e", "?x=//", "#/access", "\\", "%00"]
    made = [f"{start}{host}{tail}" for start in starts for host in hosts for tail in tails]
    plain = {value for value in made if value.startswith("/evil.example") and not set(value) & set("\\%?#@ \t")}
    for value in [*RETURNS, *sorted(set(made) - plain - {"/evil.example/"})]:
        got = safe_return_to(value)
        attack.saw(repr(value), got == "/", got)
        assert got == "/", value


@pytest.mark.attack("R54")
@pytest.mark.parametrize("value", RETURNS[:12])
def test_the_redirect_itself_stays_at_home(door: Door, value: str) -> None:
    browser = door.browser()
    reply = browser.get("/login/egi", base_url=BASE, query_string={"return_to": value})
    answer = get(browser, CALLBACK, **door.provider.agree(reply.location))
    assert answer.location == "/"


@pytest.mark.accept_control
@pytest.mark.parametrize("value", ["/", "/access", "/access?again=1", "/a/b-c_d.e"])
def test_a_page_of_ours_is_returned_to(value: str) -> None:
    assert safe_return_to(value) == value


@pytest.mark.attack("R56")
def test_no_address_comes_from_the_request(door: Door) -> None:
    spoofed = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example;proto=http"}
    for path in ("/", "/login/egi", "/access", "/access/", "/nothing", "/login/egi/callback", "/logout", "/readyz"):
        reply = door.browser().get(path, headers=spoofed | {"X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/evil"})
        assert "evil" not in reply.text + str(reply.headers), path


def _pages(door: Door) -> list[str]:
    rules = {
        rule.rule.replace("<provider>", "egi").replace("<path:filename>", "p3idp.css")
        for rule in door.app.url_map.iter_rules()
    }
    return sorted(rules | {"/nothing", "/static/nothing"})


@pytest.mark.attack("R57")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_headers_that_name_a_person_change_nothing_anywhere(door: Door, attack: Attack, method: str) -> None:
    for path in _pages(door):
        plain = door.browser().open(path, base_url=BASE, method=method)
        for dressed in (LOOK_ALIKES, {name.lower().replace("-", "_"): value for name, value in LOOK_ALIKES.items()}):
            environ = {f"HTTP_{n.upper().replace('-', '_')}": v for n, v in dressed.items()}
            reply = door.browser().open(path, base_url=BASE, method=method, environ_overrides=environ, headers=dressed)
            same = _shape(reply) == _shape(plain) and not door.sessions.held
            attack.saw(f"{method} {path}", same, str(reply.status_code))
            assert same, (method, path)


def _shape(reply: TestResponse) -> tuple[Any, ...]:
    request_id = reply.headers["X-Request-Id"]
    body = "" if reply.status_code == 303 else reply.text.replace(request_id, "")  # a redirect repeats its own state
    changing = "Set-Cookie", "X-Request-Id", "Date", "Content-Length", "Location"
    return reply.status_code, body, sorted((n, v) for n, v in reply.headers if n not in changing)


@pytest.mark.attack("R60")
@pytest.mark.parametrize("planted", ["a made-up id", "the attacker's own session"])
def test_a_session_planted_before_signing_in_is_not_the_one_after(door: Door, planted: str) -> None:
    browser, attacker = door.browser(), door.browser()
    door.sign_in(attacker)
    known = "A" * 43 if planted.startswith("a ") else next(iter(door.sessions.held))
    browser.set_cookie(SESSION, known, domain="broker.example.org", secure=True)
    reply = door.sign_in(browser)
    given = next(v for v in reply.headers.getlist("Set-Cookie") if v.startswith(f"{SESSION}="))
    assert known not in given
    assert known not in door.sessions.held, "what was planted opens nothing afterwards"


@pytest.mark.attack("R61")
@pytest.mark.parametrize(
    "header",
    [
        f"{SESSION}=",
        f"{SESSION}=short",
        f"{SESSION}={'A' * 65536}",
        f"{SESSION}_0=abc; {SESSION}_chunks=99999999999",
        f"={'A' * 43}",
        f"{SESSION}={'A' * 43}; {SESSION}={'B' * 43}",
        f"{SESSION}='; DROP TABLE web_sessions; --",
        f"{SESSION}=\x80\xff",
        ";;;===",
        f'{SESSION}="{"A" * 43}',
    ],
)
def test_a_cookie_that_is_not_as_it_was_set_is_none(door: Door, header: str) -> None:
    reply = door.bare(header, "/access")
    assert (reply.status_code, reply.location) == (303, "/")


@pytest.mark.attack("R61")
def test_a_planted_second_session_cookie_counts_as_none(door: Door) -> None:
    browser = door.browser()
    door.sign_in(browser)
    [good] = door.sessions.held
    for header in (f"{SESSION}={good}; {SESSION}={'B' * 43}", f"{SESSION}={'B' * 43}; {SESSION}={good}"):
        assert door.bare(header, "/access").status_code == 303
    assert door.bare(f"{SESSION}={good}", "/access").status_code == 200, "the control: alone it opens the page"


def _changed(value: str) -> dict[str, str]:
    raw = bytearray(base64.urlsafe_b64decode(value))
    raw[len(raw) // 2] ^= 1
    return {
        "cut": value[:-20],
        "one bit": base64.urlsafe_b64encode(bytes(raw)).decode(),
        "64 kB": value + "A" * 65536,
        "empty": "",
        "quotes": f'"{value}',
    }


@pytest.mark.attack("R61")
@pytest.mark.parametrize("change", ["cut", "one bit", "64 kB", "empty", "quotes"])
def test_a_changed_attempt_cookie_opens_nothing(door: Door, change: str) -> None:
    browser = door.browser()
    answer = door.provider.agree(door.begin(browser))
    cookie = next(c for c in browser._cookies.values() if c.key.startswith(ATTEMPT))
    reply = door.bare(f"{cookie.key}={_changed(cookie.value)[change]}", CALLBACK, **answer)
    assert nobody_in(door, browser, reply)
    assert door.bare(f"{cookie.key}={cookie.value}", CALLBACK, **answer).status_code == 303, "the control"


@pytest.mark.attack("R63")
def test_no_personal_page_is_kept_by_a_cache(door: Door) -> None:
    browser = door.browser()
    door.sign_in(browser)
    for path in [path for path in _pages(door) if not path.startswith("/static/p3idp.css")]:
        for who in (browser, door.browser()):
            headers = get(who, path).headers
            assert headers["Cache-Control"] == "no-store", path
            assert "Cookie" in headers["Vary"], path


@pytest.mark.attack("R64")
@pytest.mark.parametrize(
    "query",
    [
        {"error": "access_denied"},
        {"error": "<script>alert(1)</script>", "error_description": "<img src=x onerror=alert(1)>"},
        {"error": "server_error", "error_uri": "https://evil.example"},
        {"error": "x", "code": "y"},
        {},
        {"code": "x" * 5000},
    ],
)
def test_an_error_without_a_sign_in_is_a_neutral_page(door: Door, query: dict[str, str]) -> None:
    browser = door.browser()
    reply = get(browser, CALLBACK, **query)
    assert nobody_in(door, browser, reply)
    for word in ("script", "onerror", "evil", "access_denied"):
        assert word not in reply.text


@pytest.mark.attack("R64")
def test_an_error_together_with_a_code_is_refused(door: Door) -> None:
    browser = door.browser()
    answer = door.provider.agree(door.begin(browser)) | {"error": "access_denied"}
    assert nobody_in(door, browser, get(browser, CALLBACK, **answer))


BIG: dict[str, Callable[[FlaskClient], TestResponse]] = {
    "200 kB of form": lambda b: b.post("/logout", base_url=BASE, data={"x": "y" * 200_000}),
    "10,000 fields": lambda b: b.post("/logout", base_url=BASE, data={f"f{n}": "" for n in range(10_000)}),
    "multipart bomb": lambda b: b.post(
        "/logout", base_url=BASE, data={f"f{n}": "" for n in range(200)}, content_type="multipart/form-data"
    ),
}


@pytest.mark.attack("R65")
@pytest.mark.parametrize("kind", BIG)
def test_a_body_out_of_bounds_is_refused(door: Door, kind: str) -> None:
    browser = door.browser()
    door.sign_in(browser)
    assert BIG[kind](browser).status_code in (400, 413)
    assert door.sessions.held, "and nothing was done"


@pytest.mark.attack("R69", "R70")
def test_pages_cannot_be_framed_and_say_nothing_to_the_next_site(door: Door) -> None:
    for path in _pages(door):
        headers = get(door.browser(), path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["Referrer-Policy"] == "same-origin"
