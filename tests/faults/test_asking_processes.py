"""Several processes that ask about one person, and one that is killed in between, against a provider that rotates.

The provider ends a consent whose used token comes back. So: of two at once each uses a token of its own, one after the
other; and a process that dies with the next token in hand costs the consent, and never gives anybody access.
"""

import subprocess
import sys
from datetime import timedelta

import pytest

from p3idp import wiring
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.login import ConsentEnded
from p3idp.lab.handle import LabHandle
from p3idp.lab.sign_in import SCOPES
from p3idp.ops.offline import Offline
from p3idp.ports.offline import OfflineAccess

ASK = """
import os, sys, time
from p3idp import wiring
from p3idp.errors.login import ConsentEnded
from p3idp.errors.offline import ConsentBusy
from p3idp.settings import load_settings

offline = wiring.wire_offline(load_settings(sys.argv[1]))
[access] = [each for each in offline.consents(wiring.now()).kept if each.subject == sys.argv[3]]
trade = offline.refresher.trade

def noted(access):
    traded = trade(access)
    print("traded", hash_of(access), flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), 9)
    time.sleep(0.2)  # long enough for the other one to come
    return traded

def hash_of(access):
    import hashlib
    return hashlib.sha256(access.refresh_token.reveal().encode()).hexdigest()

offline.refresher.trade = noted
if sys.argv[2] == "alone":
    from contextlib import nullcontext
    type(offline.store).alone = lambda *_: nullcontext(True)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(100):
    try:
        print("asked", offline.ask(access, wiring.now()).claims.subject, flush=True)
        break
    except ConsentBusy:
        print("busy", flush=True)
        time.sleep(0.05)
    except ConsentEnded:
        print("ended", flush=True)
        break
"""


@pytest.fixture
def offline(lab: LabHandle) -> Offline:
    found = wiring.wire_offline(lab.settings)
    assert found is not None
    return found


@pytest.fixture
def alice(lab: LabHandle, offline: Offline):
    """Alice consented a moment ago."""
    sub = next(person["sub"] for person in lab.control().people() if person["login"] == "alice")
    token = lab.tokens("alice", client="p3idp", scopes=f"{SCOPES} offline_access")["refresh_token"]
    before = wiring.now() - timedelta(minutes=1)
    access = OfflineAccess(ProviderId("egi"), lab.urls.issuer, sub, Secret(token), before, before)
    offline.store.keep(access)
    yield access
    offline.store.end(access.provider, access.subject)


def at_once(lab: LabHandle, alice: OfflineAccess, *how: str) -> list[list[str]]:
    """The lines of processes that wait for one another and then all ask."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, str(lab.settings_path), each, alice.subject],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for each in how
    ]
    for each in running:
        assert each.stdout
        assert each.stdout.readline() == "ready\n"
    for each in running:
        assert each.stdin
        each.stdin.write("\n")
        each.stdin.flush()
    return [each.communicate(timeout=60)[0].splitlines() for each in running]


def test_of_two_at_once_each_uses_a_token_of_its_own(lab: LabHandle, offline: Offline, alice: OfflineAccess) -> None:
    said = at_once(lab, alice, "asks", "asks")
    assert [lines[-1] for lines in said] == [f"asked {alice.subject}"] * 2
    used = [line for lines in said for line in lines if line.startswith("traded")]
    assert len(used) == len(set(used)) == 2
    assert any("busy" in lines for lines in said), "they did meet"
    assert offline.ask(alice, wiring.now()).claims.subject == alice.subject, "and the consent goes on"


def test_the_same_proof_turns_red_without_the_lock(lab: LabHandle, offline: Offline, alice: OfflineAccess) -> None:
    said = at_once(lab, alice, "alone", "alone")
    assert [lines for lines in said if "ended" in lines]
    with pytest.raises(ConsentEnded):
        offline.ask(alice, wiring.now())


def test_killed_with_the_next_token_in_hand_costs_the_consent_and_gives_no_access(
    lab: LabHandle, offline: Offline, alice: OfflineAccess
) -> None:
    store = wiring.wire_logins(lab.settings)
    assert store
    store.forget(alice.subject, wiring.now())
    [lines] = at_once(lab, alice, "killed")
    assert [line.split()[0] for line in lines] == ["traded"], "it said nothing of anybody"
    assert [kept.refresh_token for kept in offline.consents(wiring.now()).kept] == [alice.refresh_token]
    with pytest.raises(ConsentEnded):  # and not ConsentBusy: its lock went with it
        offline.ask(alice, wiring.now())
    assert offline.consents(wiring.now()).kept == ()
    assert [login for login in store.recall(wiring.now()).logins if login.subject == alice.subject] == []
    [record] = wiring.wire_ledger(lab.settings).latest(1, "revoke/consent")
    assert record.body["reason"]["reasonCode"] == "consent-ended"
    assert alice.refresh_token.reveal() not in str(record.body)
