"""Tokens bound to a key (X33: DPoP, RFC 9449; X34: a client certificate, RFC 8705), with every kind of proof or none.

The lab's provider binds its tokens for real; the hostile one says what no real provider would.
"""

import hashlib
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from battery import Attack
from exchange_world import a_form
from hostile import HostileProvider
from joserfc import jwt
from joserfc.jwk import ECKey
from test_refreshed_tokens import refresh
from trusting import Trust

from p3idp.lab.handle import LabHandle
from p3idp.lab.sign_in import Person, sign_in

BINDINGS: dict[str, dict[str, object]] = {
    "X33": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
    "X34": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
}
ODD: dict[str, object] = {"empty": {}, "null": None, "a text": "jkt", "both": {**BINDINGS["X33"], **BINDINGS["X34"]}}


class Holder:
    """Somebody with a key, who proves to have it (RFC 9449 section 4.2)."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256")

    def proof(self, htu: str, htm: str = "POST", token: str = "", **changes: object) -> str:
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        claims = {"htu": htu, "htm": htm, "iat": int(time.time()), "jti": str(uuid4())}
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = urlsafe_b64encode(digest).rstrip(b"=").decode()
        return jwt.encode(header, claims | changes, self.key, algorithms=["ES256"])


@pytest.mark.attack("X33", "X34")
def test_no_way_in_takes_a_bound_token(hostile: HostileProvider, trusting: Trust, attack: Attack) -> None:
    for row, cnf in BINDINGS.items():
        for name, bound in {"as the RFC has it": cnf, **ODD}.items():
            ways: dict[str, Callable[[], object]] = {
                "handed to us": lambda: trusting.verify(hostile.access_token(**hostile.access_token_changes)),
                "after a sign-in": trusting.sign,
                "after a refresh": lambda: refresh(
                    trusting, access_token=hostile.access_token(**hostile.access_token_changes)
                ),
            }
            for way, call in ways.items():
                hostile.reset()
                hostile.access_token_changes = {"cnf": bound}
                attack.refused(f"the token's cnf, {name}, {way}", call, "bound", row)
                hostile.reset()
                hostile.introspection_changes = {"cnf": bound}
                attack.refused(f"the issuer's cnf, {name}, {way}", call, "bound", row)


@pytest.mark.attack("X33")
def test_token_types_other_than_bearer_are_refused(hostile: HostileProvider, trusting: Trust, attack: Attack) -> None:
    for kind in ("DPoP", "dpop", "DPOP"):
        hostile.introspection_changes = {"token_type": kind}
        attack.refused(f"the issuer calls it {kind}", lambda: trusting.verify(hostile.access_token()), "bound")
        hostile.reset()
        hostile.token_changes = {"token_type": kind}
        attack.refused(f"{kind} in a token response", trusting.sign, "token-response")
        hostile.reset()
        attack.refused(f"{kind} in a refresh", lambda k=kind: refresh(trusting, token_type=k), "token-response")


@pytest.mark.attack("X33")
def test_a_bound_token_of_the_real_provider_opens_no_door(site: LabHandle, attack: Attack) -> None:
    holder, thief = Holder(), Holder()
    reply = sign_in(site.layout, Person("alice", proof=holder.proof))
    token, url = reply["access_token"], f"{site.urls.broker_url}/oauth/token"
    assert reply["token_type"] == "DPoP", "the provider binds it"
    proofs = {
        "no proof": None,
        "a good proof": holder.proof(url, token=token),
        "for another address": holder.proof("https://other.example.org/oauth/token", token=token),
        "for another method": holder.proof(url, "GET", token),
        "of another token": holder.proof(url, token="other"),
        "of no token": holder.proof(url),
        "an hour old": holder.proof(url, token=token, iat=int(time.time()) - 3600),
        "of a thief's key": thief.proof(url, token=token),
        "nonsense": "x",
    }
    with httpx.Client(verify=site.tls, trust_env=False, timeout=30) as client:
        for name, proof in proofs.items():
            headers = {} if proof is None else {"DPoP": proof}
            got = client.post(url, data=dict(a_form(token)), headers=headers)
            held = got.status_code == 400 and "(bound)" in got.json().get("error_description", "")
            attack.saw(f"exchange with {name}", held, f"{got.status_code} {got.json().get('code')}")
            assert held, got.text
        doors = {
            "one's own access": f"{site.urls.broker_url}/api/access",
            "Keystone": f"{site.urls.keystone_url}/OS-FEDERATION/identity_providers/egi/protocols/openid/auth",
        }
        for name, door in doors.items():
            for scheme in ("Bearer", "DPoP"):
                proof = holder.proof(door, "GET", token)
                got = client.get(door, headers={"Authorization": f"{scheme} {token}", "DPoP": proof})
                attack.saw(f"{name} as {scheme}", got.status_code in (401, 403), str(got.status_code))
                assert got.status_code in (401, 403), (name, got.text)
                assert "X-Subject-Token" not in got.headers


@pytest.mark.accept_control
def test_a_bearer_token_passes_all_the_same_doors(site: LabHandle, attack: Attack) -> None:
    token = site.token("alice")
    with httpx.Client(verify=site.tls, trust_env=False, timeout=30) as client:
        got = client.post(
            f"{site.urls.broker_url}/oauth/token",
            data=dict(a_form(token)),
            headers={"DPoP": Holder().proof("https://x")},
        )
        attack.saw("exchange, with a proof nobody asked for", got.status_code == 200, str(got.status_code), "accept")
        assert (got.status_code, got.json()["token_type"]) == (200, "N_A")
        door = f"{site.urls.keystone_url}/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
        assert client.get(door, headers={"Authorization": f"Bearer {token}"}).status_code == 201
