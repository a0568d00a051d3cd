"""A claim is renamed and an issuer moves, on the real Keystone: the same person stays the same user throughout.

The claim moves with real tokens, whose scopes release the old claim, the new one or both. The issuer moves to the
lab's second provider, which has the same people. Apache asks one issuer about tokens, and the lab's have a secret
each: so Keystone is asked at its own socket, with the attributes that Apache would hand it.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from exchange_world import a_form
from keystone_checks import KeystoneChecks
from keystone_socket import enter
from test_who_loses import apply_all, typed

from p3idp import wiring
from p3idp.core.login.tokens import RawToken
from p3idp.core.secret import Secret
from p3idp.lab.handle import LabHandle
from p3idp.lab.servers.checkin import SOURCE
from p3idp.lab.servers.keystone import socket_path

OLD, NEW = "eduperson_entitlement", "entitlements"
USUAL = "openid voperson_id eduperson_assurance"
ALICE = next(
    each for each in json.loads((SOURCE / "people.json").read_text(encoding="utf-8")) if each["login"] == "alice"
)


@pytest.fixture(scope="module")
def settings(site: LabHandle) -> Iterator[Path]:
    apply_all(site.settings_path)
    yield site.settings_path
    apply_all(site.settings_path)  # others use this lab's policy after us


@pytest.fixture
def draft(site: LabHandle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(site.layout.policy, tmp_path / "draft"))


def test_a_renamed_claim_costs_nobody_their_user_and_goes_only_once_nobody_needs_it(
    site: LabHandle, settings: Path, draft: Path, keystone: KeystoneChecks
) -> None:
    here, move = ("--policy-dir", str(draft)), ("migrate", "claim", OLD, NEW)
    by_old, by_new = (site.token("alice", scopes=f"{USUAL} {claim}") for claim in (OLD, NEW))

    def enters(token: str) -> str:
        """Who Keystone says this is; empty where it lets nobody in."""
        reply = keystone.federated_login(token)
        return str(reply.json()["token"]["user"]["id"]) if reply.status_code == 201 else ""

    def status() -> dict[str, Any]:
        told: dict[str, Any] = json.loads(typed(settings, *move, "status", "--percent", "1", "--json", *here))
        return told

    change(draft / "site.yaml", f"[{NEW}, {OLD}]", f"[{OLD}]")
    speak(draft, NEW, OLD)
    apply_all(settings, *here)
    alice = enters(by_old)
    assert alice
    assert enters(by_new) == "", "nobody asks for the new claim yet"

    typed(settings, *move, *here)
    apply_all(settings, *here)
    assert enters(by_old) == enters(by_new) == alice

    arrive(site, by_old)
    assert ALICE["voperson_id"] in {each["subject"] for each in status()["losers"]}
    assert "people-lose-access" in typed(settings, *move, "finish", *here, status=4)
    arrive(site, site.token("alice"))
    told = status()
    assert ALICE["voperson_id"] not in {each["subject"] for each in told["losers"]}
    assert told["uses"]["both"]["people"] >= 1
    assert told["coverage"]["known"] >= told["coverage"]["lately"] >= 1

    speak(draft, OLD, NEW)
    others = [word for each in told["findings"] for word in ("--accept", each["name"])]  # of this lab's other tests
    typed(settings, *move, "finish", "--percent", "1", *others, *here)
    apply_all(settings, *here)
    assert enters(by_new) == alice
    assert enters(by_old) == ""


def verified(site: LabHandle, draft: Path, provider: str) -> tuple[str, str, str]:
    """Whose person a real token of this provider is to p3idp, by which issuer: with the client registered there."""
    lab = site.settings
    there = lab.model_copy(update={"providers": {"egi": lab.providers[provider]}})
    verifier = wiring.wire_verifier(there, wiring.wire_policy_directory(draft, lab=lab.lab))
    claims = verifier.verify_access_token(RawToken(Secret(site.token("alice", provider=provider))), wiring.now())
    return str(claims.provider), claims.issuer, claims.subject


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def speak(draft: Path, old: str, new: str) -> None:
    """Let the policy's examples speak of another claim."""
    for file in (draft / "communities").iterdir():
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(f"      {old}:", f"      {new}:"), encoding="utf-8")


def arrive(site: LabHandle, token: str) -> None:
    """Bring a token to the broker, which remembers whom it saw."""
    with httpx.Client(verify=site.tls, trust_env=False, timeout=60) as http:
        http.post(f"{site.urls.broker_url}/oauth/token", data=dict(a_form(token, scope=None)))


def test_a_moved_issuer_costs_nobody_their_user(
    site: LabHandle, settings: Path, draft: Path, keystone: KeystoneChecks
) -> None:
    old, new = site.urls.issuer, site.urls.hub_issuer
    here, move = ("--policy-dir", str(draft)), ("migrate", "issuer", old, new)
    usual = {
        "OIDC-voperson_id": ALICE["voperson_id"],
        "OIDC-azp": "p3idp-cli",
        **dict.fromkeys((f"OIDC-{OLD}", f"OIDC-{NEW}"), ";".join(ALICE["entitlements"])),
        "OIDC-eduperson_assurance": ";".join(ALICE["assurance"]),
    }

    def enters(issuer: str) -> tuple[int, str]:
        found = enter(socket_path(site.layout), usual | {"OIDC-iss": issuer})
        assert not found.token or keystone.projects(found.token) == ["p3"]
        return found.status, found.user

    real = keystone.federated_login(site.token("alice")).json()["token"]["user"]["id"]
    assert enters(old) == (201, real), "the made-up login is the one that Apache hands on"
    assert enters(new) == (403, "")

    typed(settings, *move, *here)
    apply_all(settings, *here)
    assert enters(old) == enters(new) == (201, real)
    assert verified(site, draft, "egi") == ("egi", old, ALICE["voperson_id"])
    assert verified(site, draft, "hub") == ("egi", new, ALICE["voperson_id"])

    typed(settings, *move, "switch", *here)
    dangers = ("old-still-used", "people-lose-access", "low-coverage")  # whoever other tests saw came by the old one
    typed(settings, *move, "finish", *(word for name in dangers for word in ("--accept", name)), *here)
    apply_all(settings, *here)
    assert enters(new) == (201, real)
    assert enters(old) == (403, "")
