"""Keys come from the issuer's jwks_uri, are vetted, age, and cannot be made to be fetched too often."""

import logging
import threading
import time

import pytest
from battery import Attack
from cryptography.hazmat.primitives.asymmetric import rsa
from hostile import MISSING, Answer, HostileProvider, Key, ec_key, rsa_key, sign
from trusting import Trust, make_trust

from p3idp.adapters.checkin.transport import Transport
from p3idp.errors.login import TokenRefused

MINUTE, HOUR = 60.0, 3600.0


def by(hostile: HostileProvider, key: Key, **header: object) -> str:
    """A good token, signed with this key."""
    told = hostile.header(**{"kid": MISSING if key.kid is None else key.kid, **header})
    return sign(told, hostile.access_claims(), key, str(told["alg"]))


@pytest.mark.attack("R35", "R33")
def test_an_unknown_kid_causes_one_fetch(trusting: Trust, attack: Attack, caplog: pytest.LogCaptureFixture):
    hostile = trusting.hostile
    trusting.verify(hostile.access_token())
    attack.refused("unknown", lambda: trusting.verify(by(hostile, hostile.attacker, kid="unheard of")), "kid", "R35")
    assert hostile.counts["jwks"] == 2
    with caplog.at_level(logging.DEBUG):
        nasty = "x' \"</script>%0a" + "\\n"
        attack.refused("odd text", lambda: trusting.verify(by(hostile, hostile.attacker, kid=nasty)), "kid", "R33")
        attack.refused(
            "newline", lambda: trusting.verify(by(hostile, hostile.attacker, kid="x\nroot: in")), "kid", "R33"
        )
    assert all("\n" not in record.getMessage() for record in caplog.records)


@pytest.mark.attack("R36")
def test_a_thousand_unknown_kids_in_a_minute_cause_one_fetch(trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    good = hostile.access_token()
    trusting.verify(good)
    tokens = [by(hostile, hostile.attacker, kid=f"k{number}") for number in range(50)]
    for number in range(1000):
        with pytest.raises(TokenRefused) as refused:
            trusting.verify(tokens[number % 50])
        assert refused.value.reason == "kid"
        trusting.clock.forward(0.059)
        if number % 100 == 0:
            trusting.verify(good)
    attack.saw("a thousand in a minute", hostile.counts["jwks"] == 2, "all refused, one fetch")
    assert hostile.counts["jwks"] == 2
    trusting.clock.forward(1.1)
    attack.refused("a minute later", lambda: trusting.verify(tokens[0]), "kid")
    assert hostile.counts["jwks"] == 3


@pytest.mark.attack("R36")
def test_unknown_kids_do_not_slow_others_while_the_provider_is_silent(hostile: HostileProvider, attack: Attack):
    trusting = make_trust(hostile, total=1.5)
    good = hostile.access_token()
    trusting.verify(good)
    hostile.answers["jwks"] = Answer({"keys": []}, delay=3.0)
    outcomes: list[str] = []

    def knock() -> None:
        attack.refused("while silent", lambda: trusting.verify(by(hostile, hostile.attacker, kid="unheard of")), "kid")
        outcomes.append("refused")

    knocking = [threading.Thread(target=knock) for _ in range(4)]
    for thread in knocking:
        thread.start()
    time.sleep(0.2)
    started = time.monotonic()
    trusting.verify(good)
    assert time.monotonic() - started < 0.5
    for thread in knocking:
        thread.join(5)
    assert outcomes == ["refused"] * 4


@pytest.mark.accept_control
def test_a_new_key_is_found_at_once_with_and_without_kid(trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    trusting.verify(hostile.access_token())
    hostile.published = [hostile.good.jwk, hostile.spare.jwk]
    attack.accepted("rotated with overlap", lambda: trusting.verify(by(hostile, hostile.spare)))
    trusting.clock.forward(MINUTE)
    nameless = rsa_key(None)
    hostile.published = [nameless.jwk]
    attack.accepted("rotated without kid and without overlap", lambda: trusting.verify(by(hostile, nameless)))


@pytest.mark.accept_control
def test_keys_without_kid_and_the_other_algorithms_pass(hostile: HostileProvider, attack: Attack):
    nameless, curve, anything = rsa_key(None), ec_key("curve"), Key("any", hostile.spare.private)
    cases = {
        "token without kid, one key with kid": ([hostile.good], hostile.good, {"kid": MISSING}),
        "token without kid, several keys": ([hostile.good, hostile.spare], hostile.spare, {"kid": MISSING}),
        "neither has a kid": ([nameless], nameless, {}),
        "ES256": ([hostile.good, curve], curve, {"alg": "ES256"}),
        "PS256": ([anything], anything, {"alg": "PS256"}),
        "RS256 with a key bound to nothing": ([anything], anything, {}),
        "typ at+jwt": ([hostile.good], hostile.good, {"typ": "at+jwt"}),
    }
    for name, (published, key, header) in cases.items():
        hostile.published = [each.jwk for each in published]
        attack.accepted(name, lambda k=key, h=header: make_trust(hostile).verify(by(hostile, k, **h)))


def weak_keys(hostile: HostileProvider) -> dict[str, tuple[object, str]]:
    """Published keys that must not count, and a token signed with each."""
    small, even_smaller = rsa_key("weak", 1024), rsa_key("weak", 1536)
    strong, curve = rsa_key("weak"), ec_key("weak")
    cube = Key("weak", rsa.generate_private_key(3, 2048), {"use": "sig"})
    on, off = curve.jwk, {**curve.jwk, "y": curve.jwk["x"]}
    token = by(hostile, strong)
    es256 = by(hostile, curve, alg="ES256")
    hs256 = sign(hostile.header(alg="RS256", kid="weak"), hostile.access_claims(), b"k", "HS256")
    plain = {name: value for name, value in strong.jwk.items() if name not in ("use", "alg")}
    return {
        "RSA of 1024 bits": (small.jwk, by(hostile, small)),
        "RSA of 1536 bits": (even_smaller.jwk, by(hostile, even_smaller)),
        "RSA with exponent 3": (cube.jwk, by(hostile, cube)),
        "a point off its curve": (off, es256),
        "a curve that is not P-256": ({**on, "crv": "P-384"}, es256),
        "secp256k1": ({**on, "crv": "secp256k1"}, es256),
        "oct": ({"kty": "oct", "kid": "weak", "k": "az"}, hs256),
        "oct that calls itself RSA": ({"kty": "RSA", "kid": "weak", "k": "az"}, hs256),
        "use enc": ({**strong.jwk, "use": "enc"}, token),
        "use is a list": ({**strong.jwk, "use": ["sig"]}, token),
        "key_ops without verify": ({**plain, "key_ops": ["encrypt"]}, token),
        "bound to RSA-OAEP": ({**plain, "alg": "RSA-OAEP"}, token),
        "bound to RS512": ({**plain, "alg": "RS512"}, token),
        "bound to none": ({**plain, "alg": "none"}, token),
        "its private half is published": ({**strong.jwk, "d": "AQAB"}, token),
        "kid is a number": ({**strong.jwk, "kid": 7}, token),
        "n is a number": ({**strong.jwk, "n": 7}, token),
        "n is 10 kB": ({**strong.jwk, "n": "x" * 10_000}, token),
        "n is missing": ({**strong.jwk, "n": None}, token),
        "OKP": ({"kty": "OKP", "crv": "Ed25519", "kid": "weak", "x": "az"}, token),
        "not an object": ("weak", token),
        "nothing": (None, token),
    }


@pytest.mark.attack("R41")
def test_keys_that_are_not_fit_are_ignored_with_a_warning(
    hostile: HostileProvider, attack: Attack, caplog: pytest.LogCaptureFixture
):
    open_already = Transport(hostile.ca_file)
    for name, (jwk, token) in weak_keys(hostile).items():
        trusting, alone = make_trust(hostile, over=open_already), make_trust(hostile, over=open_already)
        hostile.published = [jwk, hostile.good.jwk]
        caplog.clear()
        attack.refused(name, lambda t=token, trust=trusting: trust.verify(t), "kid")
        assert any("is ignored" in record.getMessage() for record in caplog.records), name
        trusting.verify(hostile.access_token())
        hostile.published = [jwk]
        attack.refused(f"{name}, alone", lambda t=token, trust=alone: trust.verify(t), "provider-unreachable")


@pytest.mark.attack("R41")
def test_a_withdrawn_key_is_refused_within_ten_minutes(trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    old = hostile.access_token()
    trusting.verify(old)
    hostile.published = [hostile.spare.jwk]
    trusting.clock.forward(10 * MINUTE)
    attack.refused("withdrawn", lambda: trusting.verify(old), "kid")


GARBAGE = {
    "empty set": Answer({"keys": []}),
    "no keys": Answer({}),
    "keys is an object": Answer({"keys": {}}),
    "a list": Answer([]),
    "HTML": Answer("<html>", content_type="text/html"),
    "HTML as JSON": Answer("<html>"),
    "JSON as HTML": Answer({"keys": []}, content_type="text/html"),
    "cut off": Answer('{"keys": ['),
    "only weak keys": Answer({"keys": [{"kty": "oct", "k": "az", "kid": "good"}]}),
    "a thousand keys": Answer({"keys": [{"kty": "oct"}] * 1000}),
    "100 MB": Answer("{}", endless=100 * 1024 * 1024),
    "100 kB of brackets": Answer("[" * 100_000),
    "500": Answer({"keys": []}, 500),
    "404": Answer({"keys": []}, 404),
    "redirect": Answer(status=302, headers=(("Location", "https://localhost:1/keys"),)),
}


@pytest.mark.attack("R41")
@pytest.mark.parametrize("name", GARBAGE)
def test_an_odd_key_set_leaves_the_last_good_one_until_its_hard_age(name: str, trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    trusting.verify(hostile.access_token())
    hostile.answers["jwks"] = GARBAGE[name]
    trusting.clock.forward(11 * MINUTE)
    trusting.verify(hostile.access_token(jti="eleven minutes later"))
    assert hostile.counts["jwks"] == 2
    trusting.verify(hostile.access_token(jti="and at once again"))
    assert hostile.counts["jwks"] == 2, "a failed fetch is not repeated at once"
    trusting.clock.forward(24 * HOUR)
    code = "provider-untrusted" if name == "redirect" else "provider-unreachable"
    attack.refused(f"{name}: a day later", lambda: trusting.verify(hostile.access_token(jti="a day later")), code)
    assert hostile.counts["elsewhere"] == 0
    del hostile.answers["jwks"]
    trusting.clock.forward(MINUTE)
    attack.accepted("the provider recovers", lambda: trusting.verify(hostile.access_token()))


def test_threads_share_one_fetch(hostile: HostileProvider):
    trusting = make_trust(hostile)
    hostile.answers["jwks"] = Answer({"keys": hostile.published}, delay=0.3)
    token = hostile.access_token()
    believed: list[str] = []
    threads = [threading.Thread(target=lambda: believed.append(trusting.verify(token).subject)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert believed == ["mallory@egi.eu"] * 8
    assert hostile.counts["jwks"] == hostile.counts["discovery"] == 1
