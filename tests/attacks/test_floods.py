"""Floods (X32): many bad tokens from one address get 429, and good people go on, at that address and at others."""

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from battery import Attack
from bench_broker import broker
from exchange_world import BEGIN, P3, World, a_form, a_provider
from flooding import FLOODER, Flood

from p3idp.adapters.memory.limits import MemoryLimiter
from p3idp.core.address import counted_as
from p3idp.core.policy.model import ProviderId
from p3idp.errors import P3idpError
from p3idp.errors.login import ProviderUnreachable
from p3idp.lab.handle import LabHandle
from p3idp.ops.token_limits import KNOWN_FOR, MOST_KNOWN, KnownTokens, LimitedVerifier, TokenLimits
from p3idp.ports.limits import Limit
from p3idp.ports.request import client_address

BAD, GOOD, EACH = 5, 30, 8  # bad tokens an address may send, first tokens of people, exchanges of one person
MALLORY, CAMPUS, HOME = "198.51.100.1", "192.0.2.1", "203.0.113.1"
TOO_MANY, REFUSED, OK = "too-many-requests", "exchange-subject-token-refused", "ok"


class Limited(World):
    """The world of the exchange behind limits, counted by the twin in memory."""

    def __init__(self) -> None:
        super().__init__()
        limits = TokenLimits(Limit("token-address", GOOD), Limit("token-person", EACH), bad_token_cost=GOOD // BAD)
        guarded = LimitedVerifier(self.tokens, MemoryLimiter(self.clock), limits)
        object.__setattr__(self.exchange, "verifier", guarded)

    def told(self, address: str, token: str = "token-alice") -> str:
        client_address.set(address)
        try:
            self.ask(token)
        except P3idpError as error:
            return error.code
        return OK


@pytest.fixture
def world() -> Limited:
    made = Limited()
    for number in range(2 * GOOD):
        made.arrive(f"person{number}", {P3: ("member",)})
    return made


def lock(world: Limited, address: str = MALLORY) -> Counter[str]:
    return Counter(world.told(address, f"forged-{number}") for number in range(100))


@pytest.mark.attack("X32")
def test_bad_tokens_lock_their_address_and_nobody_elses(world: Limited, attack: Attack) -> None:
    got = lock(world)
    attack.saw("100 bad tokens from one address", got == {REFUSED: BAD, TOO_MANY: 100 - BAD}, str(dict(got)))
    assert got == {REFUSED: BAD, TOO_MANY: 100 - BAD}
    assert len(world.tokens.asked) == BAD, "those that are refused cost no look at the token"
    assert world.ledger.events == [], "and fill no ledger"
    assert world.told(CAMPUS) == OK


@pytest.mark.attack("X32")
def test_who_was_here_before_goes_on_beside_a_flood_from_the_same_address(world: Limited, attack: Attack) -> None:
    assert world.told(MALLORY) == OK
    lock(world)
    got = [world.told(MALLORY) for _ in range(3)]
    attack.saw("a person that shares the address", got == [OK] * 3, str(got))
    assert got == [OK] * 3
    assert world.told(MALLORY, "token-person1") == TOO_MANY, "whoever is new there waits"
    assert world.told(HOME, "token-person1") == OK
    assert world.told(MALLORY, "token-person1") == OK, "known now, from wherever"
    world.clock.forward(seconds=60)
    assert world.told(MALLORY, "token-person2") == OK, "a minute later"


@pytest.mark.attack("X32")
def test_people_behind_one_address_do_not_pay_for_one_another(world: Limited, attack: Attack) -> None:
    first = Counter(world.told(CAMPUS, f"token-person{number}") for number in range(GOOD + 2))
    attack.saw("more new people than the limit", first == {OK: GOOD, TOO_MANY: 2}, str(dict(first)))
    assert first == {OK: GOOD, TOO_MANY: 2}
    for _ in range(EACH - 1):
        assert {world.told(CAMPUS, f"token-person{number}") for number in range(GOOD)} == {OK}


@pytest.mark.attack("X32")
def test_one_person_is_one_person_from_wherever(world: Limited, attack: Attack) -> None:
    got = Counter(world.told(f"203.0.113.{number}") for number in range(2 * EACH))
    attack.saw("from many addresses", got == {OK: EACH, TOO_MANY: EACH}, str(dict(got)))
    assert got == {OK: EACH, TOO_MANY: EACH}
    world.tokens.claims["token-alice-2"] = world.tokens.claims["token-alice"]
    assert world.told(HOME, "token-alice-2") == TOO_MANY, "another token of hers"
    assert world.told(HOME, "token-person1") == OK
    world.clock.forward(seconds=60)
    assert world.told(HOME) == OK


@pytest.mark.attack("X32")
def test_two_issuers_that_use_one_subject_name_two_people(world: Limited) -> None:
    alice = world.tokens.claims["token-alice"]
    site = world.policy.site
    ci = a_provider(id=ProviderId("ci"), issuers=("https://ci.test",))
    world.policy = replace(world.policy, site=replace(site, identity_providers=(*site.identity_providers, ci)))
    world.tokens.claims["token-ci"] = replace(alice, issuer="https://ci.test", provider=ci.id)
    for _ in range(2 * EACH):
        world.told(MALLORY, "token-ci")
    assert world.told(MALLORY, "token-ci") == TOO_MANY
    assert world.told(HOME) == OK


@pytest.mark.attack("X32")
def test_a_bad_token_that_names_somebody_costs_them_nothing(world: Limited) -> None:
    for number in range(3 * EACH):
        world.told(f"198.51.100.{number}", "forged-in-the-name-of-alice")
    assert world.told(HOME) == OK


@pytest.mark.attack("X32")
def test_a_token_that_was_good_pays_as_soon_as_it_is_not(world: Limited) -> None:
    assert world.told(MALLORY) == OK
    world.tokens.claims.clear()
    got = Counter(world.told(MALLORY) for _ in range(50))
    assert got[REFUSED] <= BAD + 1
    assert got[TOO_MANY] >= 50 - BAD - 1


def test_a_provider_that_is_away_costs_nobody_anything(world: Limited) -> None:
    world.tokens.problem = ProviderUnreachable("It does not answer.")
    assert {world.told(CAMPUS) for _ in range(GOOD)} == {"exchange-unavailable"}
    world.tokens.problem = None
    world.clock.forward(seconds=60)
    assert world.told(CAMPUS) == OK


def test_what_is_known_is_bounded_in_time_and_number() -> None:
    known = KnownTokens()
    known.add(b"first", BEGIN)
    assert known.holds(b"first", BEGIN + KNOWN_FOR - timedelta(seconds=1))
    assert not known.holds(b"first", BEGIN + KNOWN_FOR)
    for number in range(MOST_KNOWN):
        known.add(str(number).encode(), BEGIN)
    assert not known.holds(b"first", BEGIN), "the eldest went"
    assert known.holds(b"0", BEGIN)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("localhost", "unknown"),
    ],
)
def test_an_address_stands_for_whoever_may_choose_it(address: str | None, counted: str) -> None:
    assert counted_as(address) == counted


@pytest.mark.attack("X32")
def test_the_real_broker_answers_a_flood_with_429_and_good_people_as_ever(
    site: LabHandle, tmp_path: Path, attack: Attack
) -> None:
    """How fast is a matter of the machine: figures are in the summary of attacks, and in tests/bench/flood.py."""
    alice, fresh = site.token("alice"), site.token("alice")
    forged = alice[:-9] + "AAAAAAAAA"
    with broker(site, per_minute=600) as (url, _):
        flood = Flood(url, site.tls, lambda number: f"{forged}{number}")
        at_the_flood = httpx.HTTPTransport(local_address=FLOODER, verify=site.tls)
        with (
            httpx.Client(base_url=url, verify=site.tls, trust_env=False, timeout=30) as elsewhere,
            httpx.Client(base_url=url, transport=at_the_flood, trust_env=False, timeout=30) as beside,
        ):
            # Over connections that are kept: each worker knows and counts for itself here.
            quiet = [_exchange(client, alice) for client in (elsewhere, beside) for _ in range(3)]
            with flood.running(100):
                loud = [_exchange(client, alice) for client in (elsewhere, beside) for _ in range(2)]
                loud += [_exchange(elsewhere, fresh)]
    refused = flood.statuses[429]
    figures = f"{flood.statuses[400]} looked at and {refused} turned away, {flood.per_second:.0f} a second"
    figures += f"; good ones {_middle(quiet):.0f} ms before and {_middle(loud):.0f} ms meanwhile"
    looked_at = 2 * 31 * (1 + int(flood.seconds // 60))  # by two workers, in each minute begun
    held = flood.statuses.total() == 400 and refused >= 400 - looked_at and set(flood.statuses) == {400, 429}
    attack.saw("400 forged tokens", held, figures)
    assert held, flood.statuses
    assert all(0 < int(wait) <= 60 for wait in flood.waits if wait)
    assert {status for status, _ in quiet + loud} == {200}


def _exchange(client: httpx.Client, token: str) -> tuple[int, float]:
    began = time.perf_counter()
    reply = client.post("/oauth/token", data=dict(a_form(token)))
    return reply.status_code, (time.perf_counter() - began) * 1000


def _middle(answers: list[tuple[int, float]]) -> float:
    return sorted(took for _, took in answers)[len(answers) // 2]
