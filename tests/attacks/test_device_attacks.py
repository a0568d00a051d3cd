"""Attacks on signing in on another device: polls (D01-D03, D05, D06), guesses (D04, D11), links (D09), who may come
in (D10) and floods (D12). Over HTTP, on systems with a memory; the long ones below it, by a clock that tests set.
"""

import re
from collections import Counter
from itertools import count

import pytest
from battery import Attack
from device_world import CLIENT, FORM, DeviceWorld, Shown, begin, from_address, page, poll, post, press
from flask.testing import FlaskClient
from webkit import BASE
from werkzeug.test import TestResponse

from p3idp.core.device.device import MOST_TRIES
from p3idp.core.device.user_code import make_user_code, read_user_code
from p3idp.core.secret import Secret
from p3idp.errors.device import DeviceCodeOver, UserCodeRefused
from p3idp.errors.limits import TooMany
from p3idp.ops.device import ANSWERS_BY_ALL
from p3idp.ops.device_token import POLLS
from p3idp.web.device_token import PATH, REFRESH_GRANT, REVOKE_PATH


@pytest.fixture
def world() -> DeviceWorld:
    return DeviceWorld()


@pytest.fixture
def client(world: DeviceWorld) -> FlaskClient:
    return world.app().test_client()


def refused(attack: Attack, row: str, variant: str, reply: TestResponse, status: int, error: str) -> None:
    body = reply.get_json(silent=True) or {}
    got = (reply.status_code, body.get("error"))
    held = got == (status, error) and "access_token" not in body and "token-alice" not in reply.text
    attack.saw(variant, held, f"{got[0]} {got[1]}", row)
    assert held, (variant, got, reply.text)


def agree(world: DeviceWorld, client: FlaskClient, shown: Shown, login: str = "alice") -> TestResponse:
    """A person at a browser of their own says yes, and agrees at the provider."""
    browser = client.application.test_client()
    confirm = press(browser, page(browser), user_code=shown.user_code)
    onward = press(browser, confirm, answer="yes")
    world.provider.agree(len(world.provider.began), login)
    return onward


@pytest.mark.attack("D01", "D02", "D03", "D05", "D06")
def test_polls_that_get_nothing(world: DeviceWorld, client: FlaskClient, attack: Attack):
    fast = begin(client)
    refused(attack, "D01", "first poll", poll(client, fast), 400, "authorization_pending")
    for longer in (10, 15, 20):
        refused(attack, "D01", f"too fast, then {longer} s", poll(client, fast), 400, "slow_down")
        world.wait(longer - 0.5)
    refused(attack, "D01", "half a second too early", poll(client, fast), 400, "slow_down")
    world.wait(25)
    refused(attack, "D01", "after the longer interval", poll(client, fast), 400, "authorization_pending")

    for variant, code in (("unknown", "A" * 43), ("a user code", fast.user_code), ("with SQL", "' OR 1=1 --")):
        reply = poll(client, Shown(code, "", ""))
        refused(attack, "D02", variant, reply, 400, "invalid_grant")
    used = begin(client)
    agree(world, client, used)
    assert attack.accepted("who agreed", lambda: poll(client, used).get_json()["access_token"]) == "token-alice"
    world.wait()
    refused(attack, "D02", "used", poll(client, used), 400, "invalid_grant")

    mine = begin(client)
    agree(world, client, mine)
    asked = len(world.provider.asked)
    for other in ("p3idp", "other", CLIENT.upper()):
        refused(attack, "D03", f"by {other}", poll(client, mine, client_id=other), 400, "invalid_grant")
    refused(attack, "D03", "by nobody", poll(client, mine, client_id=""), 400, "invalid_request")
    assert len(world.provider.asked) == asked
    assert attack.accepted("its own client", lambda: poll(client, mine).get_json()["access_token"]) == "token-alice"

    denied, late = begin(client), begin(client)
    browser = client.application.test_client()
    press(browser, press(browser, page(browser), user_code=denied.user_code), answer="no")
    refused(attack, "D06", "no at the broker", poll(client, denied), 400, "access_denied")
    refused(attack, "D06", "and again", poll(client, denied), 400, "access_denied")
    world.wait(600)
    refused(attack, "D05", "after ten minutes", poll(client, late), 400, "expired_token")
    agree_late = press(browser, page(browser), user_code=late.user_code)
    attack.saw("its code in a browser", agree_late.status_code == 404, str(agree_late.status_code), "D05")
    assert agree_late.status_code == 404


@pytest.mark.attack("D02")
def test_beginnings_that_are_none(client: FlaskClient, world: DeviceWorld, attack: Attack):
    refused(attack, "D02", "another client begins", post(client, PATH, {"client_id": "other"}), 401, "invalid_client")
    refused(attack, "D02", "nobody begins", post(client, PATH, {}), 400, "invalid_request")
    refused(attack, "D02", "GET", client.get(PATH, base_url=BASE), 405, "invalid_request")
    doubled = client.post(PATH, data="client_id=p3idp-cli&client_id=p3idp-cli", base_url=BASE,
                          content_type=FORM)  # fmt: skip
    refused(attack, "D02", "doubled", doubled, 400, "invalid_request")
    refused(attack, "D02", "1 MB", post(client, PATH, {"client_id": "x" * 1_000_000}), 400, "invalid_request")
    assert world.devices.held == {}


@pytest.mark.attack("D04")
def test_ten_thousand_guesses_from_a_thousand_addresses_find_nothing(attack: Attack):
    """Each address is stopped after ten wrong codes, and all together after three hundred in ten minutes."""
    world = DeviceWorld()
    from_address("192.0.2.1")
    shown = world.begin()
    looked, stopped = 0, 0
    for number in range(10_000):
        from_address(f"198.51.{number % 1000 // 250}.{number % 250}")
        try:
            world.desk.look(make_user_code(f"guess {number}"))
        except UserCodeRefused:
            looked += 1
        except TooMany:
            stopped += 1
    attack.saw("10,000 guesses, 1,000 addresses", looked <= 301, f"{looked} looked at, {stopped} stopped", "D04")
    assert looked + stopped == 10_000
    assert looked <= 301
    assert world.devices.find(shown.user_code) is not None
    world.wait(600)
    from_address("203.0.113.7")
    world.desk.look(world.begin().user_code)  # it passes: nobody is locked out for ever
    for number in count():
        try:
            world.desk.look(make_user_code(f"other guess {number}"))
        except TooMany:
            break
        except UserCodeRefused:
            pass
    attack.saw("one address", number <= 10, f"stopped after {number}", "D04")
    assert number <= 10
    code = world.begin().user_code
    for turn in range(MOST_TRIES + 1):
        from_address(f"203.0.113.{50 + turn}")
        met = _look(world, code)
    attack.saw("one code typed again and again", met == "user-code-refused", met, "D04")
    assert met == "user-code-refused"


def _look(world: DeviceWorld, code: str) -> str:
    try:
        world.desk.look(code)
    except (UserCodeRefused, TooMany) as error:
        return error.code
    return "seen"


@pytest.mark.attack("D04", "D11")
def test_guesses_at_the_page_itself(client: FlaskClient, world: DeviceWorld, attack: Attack):
    shown = begin(client)
    form = page(client)
    for number in range(10):
        guess = press(client, form, "198.51.100.1", user_code=make_user_code(f"guess {number}"))
        assert guess.status_code == 404
    stopped = press(client, form, "198.51.100.1", user_code=shown.user_code)
    attack.saw("the right code after ten wrong ones", stopped.status_code == 429, str(stopped.status_code), "D04")
    assert stopped.status_code == 429
    assert int(stopped.headers["Retry-After"]) > 0

    world.wait(600)
    shown = begin(client)
    code = shown.user_code
    meant = {"lower case": code.lower(), "spaces": " ".join(code), "no dash": code.replace("-", ""),
             "full width": "".join(chr(ord(c) + 0xFEE0) for c in code)}  # fmt: skip
    for number, (variant, typed) in enumerate(meant.items()):
        seen = press(client, form, f"203.0.113.{number}", user_code=typed)
        attack.saw(variant, seen.status_code == 200, str(seen.status_code), "D11")
        assert "Did you start this?" in seen.text
    strange = ["0" + code[1:], "O" + code[1:], "\uff10" + code[1:], "\u0660" * 8, "\u0412" * 8, "", "x" * 50_000,
               code + "\x00", "\U0001f4a5", "\u202e" + code, "{{7*7}}", "<script>alert(1)</script>"]  # fmt: skip
    for number, typed in enumerate(strange):
        seen = press(client, form, f"203.0.113.{50 + number}", user_code=typed)
        held = 400 <= seen.status_code < 500 and "<script" not in seen.text and "Did you start" not in seen.text
        attack.saw(f"strange {number}", held, str(seen.status_code), "D11")
        assert held, (typed, seen.status_code)
    bytes_of_no_text = client.post("/device", data=b"user_code=%ff%fe", base_url=BASE, content_type=FORM)
    attack.saw("bytes that are no text", bytes_of_no_text.status_code < 500, "", "D11")
    assert bytes_of_no_text.status_code < 500


@pytest.mark.attack("D09")
def test_a_link_says_yes_to_nothing(client: FlaskClient, world: DeviceWorld, attack: Attack):
    shown = begin(client)
    opened = page(client, shown.complete.partition("/device")[2])
    held = shown.user_code in opened.text and world.provider.began == [] and "answer" not in opened.text
    attack.saw("opened", held, "", "D09")
    assert held
    strange = page(client, "?user_code=call-0800-123")
    attack.saw("text in the link that is no code", "0800" not in strange.text, "", "D09")
    assert "0800" not in strange.text
    confirm = press(client, opened)
    held = world.provider.began == [] and "Did you start this?" in confirm.text
    attack.saw("looked up", held, "", "D09")
    assert held
    assert "192.0.2.1" in confirm.text  # where it was asked from
    for variant, query in (
        ("answer in the link", f"?user_code={shown.user_code}&answer=yes"),
        ("script", "?user_code=<script>"),
    ):
        seen = page(client, query)
        held = world.provider.began == [] and "<script" not in seen.text
        attack.saw(variant, held, "", "D09")
        assert held

    token = re.search(r'name="form_token" value="(\w+)"', confirm.text)
    assert token
    fields = {"user_code": shown.user_code, "answer": "yes", "form_token": token[1]}
    url, stranger = "/device/answer", client.application.test_client()
    evil = {"Origin": "https://evil.test"}
    foreign = {
        "another site's form": lambda: client.post(url, data=fields, base_url=BASE, headers=evil),
        "without the token": lambda: client.post(url, data=fields | {"form_token": ""}, base_url=BASE),
        "without the cookie": lambda: stranger.post(url, data=fields, base_url=BASE),
        "with another's cookie": lambda: _with_another_cookie(client, fields),
        "by GET": lambda: client.get(url, query_string=fields, base_url=BASE),
    }
    for variant, send in foreign.items():
        reply = send()
        held = reply.status_code in (403, 405) and world.provider.began == []
        attack.saw(variant, held, str(reply.status_code), "D09")
        assert held, (variant, reply.status_code)
    for answer in ("", "YES", "yes ", "true"):
        other = begin(client)
        reply = press(client, press(client, page(client), user_code=other.user_code), answer=answer)
        held = reply.status_code == 200 and world.provider.began == []
        attack.saw(f"answered {answer!r}", held, str(reply.status_code), "D09")
        assert held
    onward = press(client, confirm, answer="yes")
    assert attack.accepted("the person's own yes", lambda: onward.text.index("IDP-1"))
    assert "https://idp.test/device" in onward.text
    again = press(stranger, page(stranger), user_code=shown.user_code)
    held = again.status_code == 404 and "Did you start this?" not in again.text
    attack.saw("asked about once more, after the yes", held, str(again.status_code), "D09")
    assert held


def _with_another_cookie(client: FlaskClient, fields: dict[str, str]) -> TestResponse:
    other = client.application.test_client()
    page(other)
    return other.post("/device/answer", data=fields, base_url=BASE)


@pytest.mark.attack("D10")
def test_who_agreed_and_may_not_come_in_any_more(client: FlaskClient, world: DeviceWorld, attack: Attack):
    gone, left = begin(client), begin(client)
    agree(world, client, gone)
    agree(world, client, left, "bob")
    claims = world.exchange.tokens.claims.pop("token-alice")
    world.exchange.tokens.reasons["token-alice"] = "inactive"
    refused(attack, "D10", "signed out", poll(client, gone), 400, "access_denied")
    world.exchange.tokens.claims["token-alice"] = claims
    world.wait()
    refused(attack, "D10", "and again", poll(client, gone), 400, "invalid_grant")
    reply = poll(client, left)
    refused(attack, "D10", "left every community", reply, 400, "access_denied")
    assert "gives you no project" in reply.get_json()["error_description"]
    held = {"token-alice", "token-bob"} <= set(world.provider.revoked)
    attack.saw("their tokens went back", held, "", "D10")
    assert held


@pytest.mark.attack("D12")
def test_a_hundred_thousand_open_requests_stay_within_bounds(attack: Attack):
    world = DeviceWorld(limits=False, most=1000)
    from_address("198.51.100.1")
    mine = world.begin()
    world.desk.agree(mine.user_code, "b")
    for number in range(100_000):
        newest = world.begin()
        if number % 50 == 0:  # whoever floods may say no to their own as well
            world.desk.refuse(newest.user_code)
    held = len(world.devices.held) == 1000 and world.provider.began == [("openid", "entitlements", "offline_access")]
    attack.saw("100,000 beginnings", held, f"{len(world.devices.held)} kept", "D12")
    assert held
    assert world.devices.find(newest.user_code) is not None
    world.provider.agree(1, "alice")
    got = world.poll(mine).access_token.reveal()
    assert attack.accepted("who had agreed before the flood", lambda: got) == "token-alice"


@pytest.mark.accept_control
def test_a_class_of_sixty_behind_one_address_gets_in_at_once(client: FlaskClient, world: DeviceWorld):
    for _ in range(60):
        shown = begin(client)
        browser = client.application.test_client()
        confirm = press(browser, page(browser), user_code=shown.user_code)
        assert press(browser, confirm, answer="yes").status_code == 200
    assert len(world.provider.began) == 60


@pytest.mark.attack("D12")
def test_one_address_cannot_flood(client: FlaskClient, world: DeviceWorld, attack: Attack):
    replies = [post(client, PATH, {"client_id": CLIENT}) for _ in range(100)]
    taken = [reply.status_code for reply in replies].count(200)
    attack.saw("100 beginnings of one address in a minute", taken == 60, f"{taken} taken", "D12")
    assert taken == 60
    assert all(read_user_code(reply.get_json()["user_code"]) for reply in replies[:60])
    assert {reply.status_code for reply in replies[60:]} == {429}
    elsewhere = post(client, PATH, {"client_id": CLIENT}, "203.0.113.9")
    assert attack.accepted("another address meanwhile", lambda: elsewhere.get_json()["device_code"])


@pytest.mark.attack("D12")
def test_no_address_makes_us_flood_the_provider(client: FlaskClient, world: DeviceWorld, attack: Attack):
    """Refreshing and taking back are passed on, in our name, for whoever asks."""
    ways = {
        "bad refresh tokens": ("/oauth/token", {"grant_type": REFRESH_GRANT, "refresh_token": "forged"}, {400: 30}),
        "tokens to take back": (REVOKE_PATH, {"token": "forged"}, {200: 120}),
    }
    for number, (variant, (path, form, let)) in enumerate(ways.items()):
        address, sent = f"198.51.100.{number}", {"client_id": CLIENT, **form}
        got = Counter(post(client, path, sent, address).status_code for _ in range(150))
        held = got == {**let, 429: 150 - sum(let.values())}
        attack.saw(variant, held, str(dict(got)), "D12")
        assert held, (variant, got)
    assert (len(world.provider.refreshed), len(world.provider.revoked)) == (30, 120)
    good = {"client_id": CLIENT, "grant_type": REFRESH_GRANT, "refresh_token": "refresh-0-alice"}
    elsewhere = post(client, "/oauth/token", good, "203.0.113.9")
    assert attack.accepted("a good one from elsewhere", lambda: elsewhere.get_json()["access_token"]) == "token-alice"


@pytest.mark.attack("D12")
def test_polls_of_one_address_are_counted(world: DeviceWorld, attack: Attack):
    from_address("198.51.100.1")
    for _ in range(POLLS.most):
        with pytest.raises(DeviceCodeOver):
            world.tokens.poll(Secret("unknown"), CLIENT)
    attack.refused("one more", lambda: world.tokens.poll(Secret("unknown"), CLIENT), "too-many-requests", "D12")


@pytest.mark.attack("D12")
def test_what_reaches_the_provider_is_counted_by_address(client: FlaskClient, world: DeviceWorld, attack: Attack):
    """Each yes begins something there: sixty of one address in a minute, whoever began them here."""
    got: Counter[int] = Counter()
    for number in range(70):
        shown = begin(client, f"203.0.113.{number}")
        browser = client.application.test_client()
        confirm = press(browser, page(browser), "198.51.100.9", user_code=shown.user_code)
        got[press(browser, confirm, "198.51.100.9", answer="yes").status_code] += 1
    attack.saw("70 yes of one address", got == {200: 60, 429: 10}, str(dict(got)), "D12")
    assert (got, len(world.provider.began)) == ({200: 60, 429: 10}, 60)


@pytest.mark.attack("D12")
def test_what_reaches_the_provider_is_counted_altogether(world: DeviceWorld, attack: Attack):
    met: Counter[str] = Counter()
    for number in range(ANSWERS_BY_ALL.most + 5):
        from_address(f"203.0.{113 + number // 250}.{number % 250}")
        try:
            world.desk.agree(world.begin().user_code, "b")
        except TooMany as error:
            met[error.code] += 1
    held = (met.total(), len(world.provider.began)) == (5, ANSWERS_BY_ALL.most)
    attack.saw("yes from many addresses", held, str(dict(met)), "D12")
    assert held, met
