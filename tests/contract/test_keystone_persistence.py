"""Errors that pass are tried again, a bounded number of times; what Keystone shows decides what was done."""

from itertools import count

import pytest
import requests
from keystoneauth1 import exceptions as ksa

from p3idp import wiring
from p3idp.adapters.keystone.federation import KeystoneFederation
from p3idp.adapters.keystone.persistence import ATTEMPTS, WAITS, Persistence, is_passing
from p3idp.adapters.keystone.session import make_session
from p3idp.core.access.plan import Change, satisfied
from p3idp.core.access.resources import Kind, Resource
from p3idp.errors.keystone import KeystoneConflict, KeystoneForbids, KeystoneUnreachable

OWNER = "persistence-site"
_numbers = count(1)

PASSING = {
    "the connection broke": ksa.ConnectFailure(),
    "no answer in time": ksa.ConnectTimeout(),
    "an error of the server": ksa.InternalServerError(),
    "a proxy without Keystone": ksa.BadGateway(),
    "Keystone restarts": ksa.ServiceUnavailable(),
    "too many requests": ksa.http.TooManyRequests(),
}
LASTING = {
    "a bad request": ksa.BadRequest(),
    "not allowed": ksa.Forbidden(),
    "refused credentials": ksa.Unauthorized(),
    "not there": ksa.NotFound(),
    "there already": ksa.Conflict(),
    "a certificate that is not trusted": ksa.SSLError(),
    "not implemented": ksa.HttpNotImplemented(),
    "our own mistake": ValueError(),
}


class Failing:
    """Fails so often, then answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left, self.calls = error, times, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.left:
            raise self.error
        return "answer"


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING)
def test_an_error_that_passes_is_tried_again_after_waits_that_are_always_the_same(error):
    slept: list[float] = []
    call = Failing(error, ATTEMPTS - 1)
    assert Persistence(slept.append)(call) == "answer"
    assert tuple(slept) == WAITS
    slept.clear()
    with pytest.raises(type(error)):
        Persistence(slept.append)(Failing(error, 99))
    assert tuple(slept) == WAITS, "and then no more"


@pytest.mark.parametrize("error", LASTING.values(), ids=LASTING)
def test_an_error_that_lasts_is_not(error):
    assert not is_passing(error)
    slept: list[float] = []
    call = Failing(error, 99)
    with pytest.raises(type(error)):
        Persistence(slept.append)(call)
    assert (call.calls, slept) == (1, [])


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def keystone(lab, slept) -> KeystoneFederation:
    settings = lab.settings
    session = make_session(wiring.keystone_account(settings), settings.keystone.ca_file, 30)
    federation = KeystoneFederation(session, settings.keystone.auth_url, slept.append)
    federation.read("Default")
    return federation


def domain() -> Resource:
    return Resource(Kind.DOMAIN, (f"persistence-{next(_numbers)}",), {}, OWNER)


class Moody:
    """Keystone's answers to some method, spoilt so often: it acts, and says that it failed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str, status: int, times: int) -> None:
        self.method, self.status, self.left = method, status, times
        self.seen: list[str] = []
        send = requests.Session.send

        def spoilt(session, request, **kwargs):
            reply = send(session, request, **kwargs)
            if request.method == self.method and "/auth/tokens" not in request.url:
                self.seen.append(request.url)
                if self.left > 0:
                    self.left -= 1
                    reply.status_code = self.status
            return reply

        monkeypatch.setattr(requests.Session, "send", spoilt)


def test_a_list_that_failed_once_is_read_again(keystone, slept, monkeypatch):
    Moody(monkeypatch, "GET", 503, 2)
    assert keystone.read("Default").complete
    assert slept == list(WAITS[:2])


def test_a_write_that_acted_and_failed_is_a_conflict_that_reading_back_resolves(keystone, slept, monkeypatch):
    wanted = domain()
    moody = Moody(monkeypatch, "POST", 500, 1)
    with pytest.raises(KeystoneConflict):
        keystone.write(Change(None, wanted))
    assert (len(moody.seen), slept) == (2, list(WAITS[:1]))
    there = keystone.read(wanted.key[0], frozenset({Kind.DOMAIN})).of(Kind.DOMAIN).get(wanted.key)
    assert satisfied(wanted, there)
    assert there is not None
    assert there.owner == OWNER
    group = Resource(Kind.GROUP, (wanted.key[0], "g"), {}, OWNER)
    keystone.write(Change(None, group))
    grant = Resource(Kind.ROLE_ASSIGNMENT, (*group.key, "reader", "domain", wanted.key[0], ""), {}, OWNER)
    Moody(monkeypatch, "PUT", 502, 1)
    keystone.write(Change(None, grant))
    assert keystone.read(wanted.key[0]).of(Kind.ROLE_ASSIGNMENT).keys() == {grant.key}, "once, not twice"


def test_a_keystone_that_stays_broken_is_told_after_a_bounded_number_of_attempts(keystone, slept, monkeypatch):
    moody = Moody(monkeypatch, "GET", 500, 99)
    with pytest.raises(KeystoneUnreachable, match="status 500"):
        keystone.read("Default")
    assert (len(moody.seen), slept) == (ATTEMPTS, list(WAITS))


def test_what_keystone_forbids_is_not_asked_for_again(keystone, slept, monkeypatch):
    moody = Moody(monkeypatch, "GET", 403, 99)
    with pytest.raises(KeystoneForbids):
        keystone.read("Default")
    assert (len(moody.seen), slept) == (1, [])


def test_rules_that_hold_what_has_no_one_text_are_read_all_the_same(keystone):
    """Keystone takes them from others; p3idp's digests and history are made of text."""
    rule = {
        "local": [{"user": {"name": "{0}"}}],
        "remote": [{"type": "OIDC-sub"}, {"type": "x", "any_one_of": [1.5, "half \ud83d", True]}],
    }
    name = f"persistence-{next(_numbers)}"
    keystone._client.federation.mappings.create(name, rules=[rule], schema_version="2.0")
    mapping = keystone.read("Default").of(Kind.MAPPING)[name,]
    assert mapping.attributes["rules"][0]["remote"][1]["any_one_of"] == ["1.5 (a number)", "half ?", True]
