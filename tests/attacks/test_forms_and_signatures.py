"""What is not a compact JWS, is too big, or has a bad signature is refused before anything in it is believed."""

import base64
import json
import time
import tracemalloc
from functools import cache

import pytest
from battery import Attack
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hostile import HostileProvider, as_bytes, b64, sign, signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey, RSAKey
from trusting import NONCE, Trust, make_trust

from p3idp.errors import P3idpError


def both_ways(attack: Attack, trusting: Trust, name: str, token: str, reason: str) -> None:
    """As subject token and as ID token."""
    attack.refused(f"access token: {name}", lambda: trusting.verify(token), reason)
    trusting.hostile.token_changes = {"id_token": token}
    attack.refused(f"ID token: {name}", trusting.sign, reason)


def parts(hostile: HostileProvider) -> tuple[str, str, str]:
    header, claims, mark = hostile.access_token(nonce=NONCE).split(".")
    return header, claims, mark


@pytest.mark.attack("R29", "X13")
def test_a_bad_signature_is_refused(trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    hostile.published = [hostile.good.jwk, hostile.ec.jwk]
    header, claims, mark = parts(hostile)
    other = hostile.access_token(sub="somebody@egi.eu").split(".")
    curve = b64(as_bytes(hostile.header(alg="ES256", kid="curve")))
    der = hostile.ec.private.sign(f"{curve}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    raw = signature(f"{curve}.{claims}".encode(), hostile.ec, "ES256")
    tokens = {
        "stripped": f"{header}.{claims}.",
        "one letter": f"{header}.{claims}.{'A' if mark[0] != 'A' else 'B'}{mark[1:]}",
        "cut short": f"{header}.{claims}.{b64(_bytes(mark)[:-3])}",
        "longer": f"{header}.{claims}.{b64(_bytes(mark) + bytes(3))}",
        "all zero": f"{header}.{claims}.{b64(bytes(256))}",
        "of another token": f"{header}.{claims}.{other[2]}",
        "payload swapped": f"{header}.{other[1]}.{mark}",
        "payload changed by a space": f"{header}.{b64(as_bytes(hostile.access_claims()) + b' ')}.{mark}",
        "ES256 zero r and s": f"{curve}.{claims}.{b64(bytes(64))}",
        "ES256 zero r": f"{curve}.{claims}.{b64(bytes(32) + raw[32:])}",
        "ES256 zero s": f"{curve}.{claims}.{b64(raw[:32] + bytes(32))}",
        "ES256 short": f"{curve}.{claims}.{b64(raw[:32])}",
        "ES256 in DER": f"{curve}.{claims}.{b64(der)}",
        "ES256 with the order of the curve": f"{curve}.{claims}.{b64(raw[:32] + bytes.fromhex('ff' * 32))}",
        "RS256 under the kid of a curve": sign(hostile.header(kid="curve"), hostile.access_claims(), hostile.good),
        "ES256 under the kid of an RSA key": sign(hostile.header(alg="ES256"), hostile.access_claims(), hostile.ec),
        "PS256 with a key bound to RS256": sign(
            hostile.header(alg="PS256"), hostile.access_claims(), hostile.good, "PS256"
        ),
    }
    for name, token in tokens.items():
        attack.refused(f"access token: {name}", lambda t=token: trusting.verify(t), "signature", "X13")
        hostile.token_changes = {"id_token": token}
        attack.refused(f"ID token: {name}", trusting.sign, "signature", "R29")


@pytest.mark.attack("R37")
@pytest.mark.parametrize("reason", ["not-compact", "encoding", "encrypted", "not-json"])
def test_what_is_not_a_compact_jws_is_refused(reason: str, trusting: Trust, attack: Attack):
    good = ".".join(parts(trusting.hostile))
    make = {"not-compact": _not_compact, "encoding": _not_canonical, "encrypted": _encrypted, "not-json": _not_json}
    trusting.verify(good)
    for name, token in make[reason](trusting.hostile, good).items():
        started = time.perf_counter()
        both_ways(attack, trusting, name, token, reason)
        assert time.perf_counter() - started < 1.0, "refused in no time (0.05 s; the rest is for a busy machine)"
    if reason == "not-compact":
        attack.refused("half a surrogate", lambda: trusting.verify("\ud800" + good), reason)


def _not_compact(hostile: HostileProvider, good: str) -> dict[str, str]:
    header, claims, mark = good.split(".")
    one = {"protected": header, "signature": mark}
    return {
        "flattened JSON": json.dumps({"payload": claims, **one}),
        "general JSON": json.dumps({"payload": claims, "signatures": [one]}),
        "no signatures": json.dumps({"payload": claims, "signatures": []}),
        "empty": "",
        "one part": header,
        "two parts": f"{header}.{claims}",
        "four parts": good + ".x",
        "six parts": good + ".x.y.z",
        "space before": " " + good,
        "newline after": good + "\n",
        "with its scheme": "Bearer " + good,
        "padded": good + "==",
        "plain base64": good + "+/",
        "fullwidth letter": "\uff45" + good[1:],
    }


def _not_canonical(hostile: HostileProvider, good: str) -> dict[str, str]:
    header, claims, _ = good.split(".")
    return {"loose bits": good[:-1] + _sibling(good[-1]), "a part of one letter": f"{header}.{claims}.A"}


def _encrypted(hostile: HostileProvider, good: str) -> dict[str, str]:
    shared, key = OctKey.generate_key(128), RSAKey.import_key(hostile.good.private)
    direct = {"alg": "dir", "enc": "A128GCM"}
    billion = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 10**9, "p2s": "x"}
    return {
        "to the provider": jwe.encrypt_compact({"alg": "RSA-OAEP", "enc": "A128GCM"}, good, key),
        "with a shared key": jwe.encrypt_compact(direct, good, shared),
        "a zip bomb": jwe.encrypt_compact({**direct, "zip": "DEF"}, b"0" * 200_000, shared),
        "p2c of a billion": b64(as_bytes(billion)) + ".a.b.c.d",
    }


def _not_json(hostile: HostileProvider, good: str) -> dict[str, str]:
    header, claims = hostile.header(), hostile.access_claims(nonce=NONCE)
    text = as_bytes(claims)
    payloads = {
        "a token in a token": good.encode(),
        "claims are a list": as_bytes([claims]),
        "claims are a text": b'"x"',
        "no claims": b"",
        "claims in UTF-16": text.decode().encode("utf-16"),
        "claims with a byte order mark": b"\xef\xbb\xbf" + text,
        "claims in Latin-1": text[:-1] + b', "name": "J\xfcrgen"}',
        "half a surrogate in a claim": text[:-1] + b', "name": "\\ud800"}',
        "a claim given twice": text[:-1] + b', "sub": "admin@egi.eu"}',
    }
    headers = {
        "a header given twice": b'{"alg":"RS256","typ":"JWT","kid":"good","alg":"none"}',
        "the header is a list": b'["RS256"]',
        "no header": b"",
    }
    return {
        "only dots": "..",
        "a token in a token, announced": sign(hostile.header(cty="JWT"), good.encode(), hostile.good),
        **{name: sign(header, payload, hostile.good) for name, payload in payloads.items()},
        **{name: sign(head, claims, hostile.good) for name, head in headers.items()},
    }


def _sibling(letter: str) -> str:
    """A letter that decodes to the same bytes at the end of a 256-byte signature (two loose bits)."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) ^ 1]


@pytest.mark.attack("R38")
def test_size_and_depth_are_bounded_before_parsing(trusting: Trust, attack: Attack):
    hostile = trusting.hostile
    claims = hostile.access_claims(nonce=NONCE)

    def with_raw(value: bytes) -> str:
        return sign(hostile.header(), as_bytes(claims)[:-1] + b', "x": ' + value + b"}", hostile.good)

    cases = {
        "200 kB": (hostile.access_token(x="a" * 200_000), "too-long"),
        "header of 1 MB": (hostile.access_token({"x": "a" * 1_000_000}), "too-long"),
        "header of 3 kB": (hostile.access_token({"x": "a" * 3_000}), "too-long"),
        "10,000 claims": (hostile.access_token(**{f"c{n}": n for n in range(10_000)}), "too-long"),
        "20 MB": ("a" * 20_000_000, "too-long"),
        "depth 10,000": (with_raw(b"[" * 10_000 + b"]" * 10_000), "too-long"),
        **{f"depth {n}": (with_raw(b"[" * n + b"]" * n), "not-json") for n in (8, 900, 5_000)},
        "objects, depth 900": (with_raw(b'{"x":' * 900 + b"1" + b"}" * 900), "not-json"),
        "a number of 5,000 digits": (with_raw(b"9" * 5_000), "not-json"),
        "a number too big for any": (with_raw(b"1e999"), "not-json"),
    }
    trusting.verify(hostile.access_token())
    for name, (token, reason) in cases.items():
        tracemalloc.start()
        attack.refused(name, lambda t=token: trusting.verify(t), reason)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert used < 10_000_000, f"{name}: {used} bytes"


@pytest.mark.attack("X10", "X12")
def test_other_systems_tokens_are_no_subject_tokens(trusting: Trust, attack: Attack):
    fernet = "gAAAAABm" + "x" * 180
    refresh = sign(
        {"alg": "HS512", "typ": "JWT", "kid": "x"}, trusting.hostile.access_claims(typ="Refresh"), b"k", "HS512"
    )
    attack.refused("Keystone's own token", lambda: trusting.verify(fernet), "not-compact", "X12")
    attack.refused("Keystone's UUID token", lambda: trusting.verify("0" * 32), "not-compact", "X12")
    attack.refused("Keystone's JWS token", lambda: trusting.verify(_keystone_jws(trusting)), "alg", "X12")
    attack.refused("opaque refresh token", lambda: trusting.verify("v1.refresh-token_0123456789"), "not-compact", "X10")
    attack.refused("Keycloak's refresh token", lambda: trusting.verify(refresh), "alg", "X10")


def _keystone_jws(trusting: Trust) -> str:
    """What Keystone's jws token provider makes (ES256), with our issuer written into it and a key of nobody."""
    claims = trusting.hostile.access_claims(openstack_methods=["mapped"], openstack_audit_ids=["x"])
    return sign({"alg": "ES384", "typ": "JWT"}, claims, b"k", "HS256")


@pytest.mark.attack("R29")
def test_no_mutation_of_a_good_token_is_believed(hostile: HostileProvider, attack: Attack):
    trusting = make_trust(hostile)
    good = hostile.access_token()
    trusting.verify(good)
    tried = 0

    @settings(max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutations(len(good)))
    def mutate(mutation) -> None:
        nonlocal tried
        token = mutation(good)
        if token == good:
            return
        tried += 1
        with pytest.raises(P3idpError):
            trusting.verify(token)

    mutate()
    attack.saw(f"{tried} random mutations of a good token", True, "all refused")
    assert tried > 200


@cache
def mutations(size: int) -> st.SearchStrategy:
    place = st.integers(0, size - 1)
    letters = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0", max_size=5)
    return st.one_of(
        st.builds(lambda at, new: lambda token: token[:at] + new + token[at + 1 :], place, letters),
        st.builds(lambda at, new: lambda token: token[:at] + new + token[at:], place, letters),
        st.builds(lambda a, b: lambda token: token[: min(a, b)] + token[max(a, b) :], place, place),
        st.builds(lambda order: lambda token: ".".join(token.split(".")[n] for n in order), st.permutations([0, 1, 2])),
        st.builds(lambda name, value: lambda token: _with_claim(token, name, value), claim_names, values),
        st.builds(lambda name, value: lambda token: _with_header(token, name, value), header_names, values),
    )


claim_names = st.sampled_from(["sub", "iss", "aud", "azp", "exp", "iat", "scope", "voperson_id", "typ", "entitlements"])
header_names = st.sampled_from(["alg", "typ", "kid", "crit", "jwk", "b64", "cty"])
values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.just("none"), st.lists(st.text(max_size=5))
)


def _with_claim(token: str, name: str, value: object) -> str:
    header, claims, mark = token.split(".")
    return f"{header}.{_changed(claims, name, value)}.{mark}"


def _with_header(token: str, name: str, value: object) -> str:
    header, claims, mark = token.split(".")
    return f"{_changed(header, name, value)}.{claims}.{mark}"


def _changed(part: str, name: str, value: object) -> str:
    return b64(as_bytes({**json.loads(_bytes(part)), name: value}))


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
