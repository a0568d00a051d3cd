"""What ends between the check and the token, at the real provider and the real Keystone: a token that was revoked
(X17), a user who was disabled (X29), and many exchanges at once (X30)."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import httpx
import pytest
from battery import Attack
from exchange_world import a_form
from keystone_checks import KeystoneChecks

from p3idp import wiring
from p3idp.errors import P3idpError
from p3idp.lab.handle import LabHandle
from p3idp.ops.logins import remember_nothing

PERSON = "zofia"
# Keystone revokes what was issued in the same second, and its threads go once by their last request's user.
SECOND = 1.1


@pytest.fixture
def http(site: LabHandle) -> Iterator[httpx.Client]:
    with httpx.Client(verify=site.tls, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def keystone(site: LabHandle) -> Iterator[KeystoneChecks]:
    checks = KeystoneChecks(site)
    yield checks
    checks.close()


def exchange(http: httpx.Client, site: LabHandle, token: str, scope: str = "project:p3@egi") -> httpx.Response:
    return http.post(f"{site.urls.broker_url}/oauth/token", data=dict(a_form(token, scope=scope)))


@pytest.mark.attack("X17")
def test_a_token_revoked_a_second_ago_opens_no_door(
    site: LabHandle, http: httpx.Client, keystone: KeystoneChecks, attack: Attack
) -> None:
    """The lab's broker remembers an answer for one second and its Apache for two; sites for 30 and 60, at most 60."""
    token = site.token(PERSON)
    doors: dict[str, Callable[[], tuple[int, str]]] = {
        "the exchange": lambda: _told(exchange(http, site, token)),
        "one's own access": lambda: _told(
            http.get(f"{site.urls.broker_url}/api/access", headers={"Authorization": f"Bearer {token}"})
        ),
        "Keystone": lambda: (keystone.federated_login(token).status_code, ""),
    }
    assert [door()[0] for door in doors.values()] == [200, 200, 201]
    form = {"token": token, "token_type_hint": "access_token", "client_id": "p3idp-cli"}
    http.post(f"{site.urls.issuer}/protocol/openid-connect/revoke", data=form).raise_for_status()
    time.sleep(SECOND)
    for name, wanted in {"the exchange": (400, "exchange-subject-token-over"), "one's own access": (401, "")}.items():
        status, code = doors[name]()
        held = status == wanted[0] and code == (wanted[1] or code)
        attack.saw(f"revoked a second ago: {name}", held, f"{status} {code}")
        assert held, (name, status, code)
    time.sleep(SECOND)
    status, _ = doors["Keystone"]()
    attack.saw("revoked two seconds ago: Keystone", status == 401, str(status))
    assert status == 401


def _told(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json().get("code", "")


class Interrupted:
    """Keystone as people use it, with something happening just after one of its calls."""

    def __init__(self, inner: object, after: str, then: Callable[[str], None]) -> None:
        self._inner, self._after, self._then = inner, after, then
        self.user, self.issued = "", ""

    def __getattr__(self, name: str) -> Callable[..., object]:
        return partial(self._call, name)

    def _call(self, name: str, *arguments: object) -> object:
        answer = getattr(self._inner, name)(*arguments)
        self.user = getattr(answer, "user_id", self.user)
        if name == self._after:
            self.issued = answer.value.reveal() if hasattr(answer, "value") else ""
            self._then(self.user)
        return answer


@pytest.mark.attack("X29")
@pytest.mark.parametrize("after", ["login", "projects", "scope_to", "scope_until"])
def test_a_user_disabled_between_check_and_issue_gets_nothing_that_works(
    after: str, site: LabHandle, keystone: KeystoneChecks, attack: Attack
) -> None:
    settings = site.settings
    whole = wiring.wire_exchange(settings, wiring.wire_policy(settings), remember_nothing)
    disabled = Interrupted(whole.keystone, after, partial(keystone.enable, enabled=False))
    asked = a_form(_short_token(site), scope="project:p3@egi")
    given = outcome = ""
    try:
        given = replace(whole, keystone=disabled).exchange(asked).value.reveal()
        outcome = "a token"
    except P3idpError as error:
        outcome = error.code
    finally:
        usable = [token for token in {given, disabled.issued} if token and keystone.is_valid(token)]
        keystone.enable(disabled.user, enabled=True)
        _wait_until_forgotten(site, keystone)
    held = not usable and (outcome != "a token" or after == "scope_until")
    attack.saw(f"disabled after {after}", held, f"{outcome}, of which {len(usable)} work")
    assert held, (outcome, usable, disabled.user)


def _short_token(site: LabHandle) -> str:
    """One that ends before Keystone's own tokens do, so that every one of its calls is needed."""
    control = site.control()
    before = control.access_token_life(600)
    try:
        return site.token(PERSON)
    finally:
        control.access_token_life(before)
        control.close()


def _wait_until_forgotten(site: LabHandle, keystone: KeystoneChecks) -> None:
    """Until every thread of Keystone's server takes this person for enabled again."""
    token = site.token(PERSON)
    deadline = time.monotonic() + 30
    lets_in = 0
    while lets_in < 8:
        time.sleep(SECOND if lets_in == 0 else 0)
        lets_in = lets_in + 1 if keystone.federated_login(token).status_code == 201 else 0
        assert time.monotonic() < deadline, "others use this lab after us"


@pytest.mark.attack("X30")
def test_many_exchanges_at_once_at_the_real_broker_mix_nobody_up(
    site: LabHandle, http: httpx.Client, keystone: KeystoneChecks, attack: Attack
) -> None:
    """By Keystone's own word on each token: projects of theirs and of others, all at once.

    A Keystone on SQLite answers some of that with 500, which the broker hands on as "try again".
    """
    tokens = {name: site.token(name) for name in ("alice", "bob", "grace", PERSON)}
    asked = [(name, project) for _ in range(2) for name in tokens for project in ("p3", "training")]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda one: exchange(http, site, tokens[one[0]], f"project:{one[1]}@egi"), asked))
    let_in: set[str] = set()
    for (name, project), reply in zip(asked, answers, strict=True):
        body = reply.json()
        if reply.status_code != 200:
            outcome = str(body["code"])
            held = outcome in ("exchange-no-access", "exchange-invalid-target", "exchange-unavailable")
        else:
            said = keystone.describe(body["access_token"])
            outcome = "own"
            let_in.add(name)
            held = (said["user"]["name"], said["project"]["name"]) == (_subject(tokens[name]), project)
        attack.saw(f"{name} at {project}", held, outcome)
        assert held, (name, project, body)
    assert len(let_in) > 1, "or nothing was tried"


def _subject(token: str) -> str:
    body = token.split(".")[1]
    claims: dict[str, str] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims["voperson_id"]
