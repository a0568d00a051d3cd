"""`p3idp logins` as typed: counting, forgetting, and an export that a replay reads."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from exchange_world import a_provider
from policies import ISSUER, NOW, OPERATOR, PolicyFiles, person
from stand_ins import ListedEvents

from p3idp import wiring
from p3idp.adapters.memory.checkin import MemoryCheckin, MemoryPerson
from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.adapters.memory.offline import MemoryOffline
from p3idp.cli import logins, mapping_replay
from p3idp.cli.main import run
from p3idp.core.login.remembered import remembered
from p3idp.errors.login import ConsentEnded
from p3idp.ops.offline import Offline
from p3idp.settings.model import Settings
from p3idp.settings.secret_ref import SecretRef
from p3idp.settings.servers import KeystoneSettings, ProviderSettings

Typed = Callable[..., tuple[int, str, str]]
SECRET = SecretRef(env="NOBODY_READS_THIS")


@pytest.fixture
def store() -> MemoryLogins:
    store = MemoryLogins()
    store.remember(remembered(person(OPERATOR, subject="alice@egi.eu"), NOW - timedelta(days=3)))
    store.remember(remembered(person(subject="bob\x1b[2J@egi.eu"), NOW))
    return store


@pytest.fixture
def ledger() -> ListedEvents:
    return ListedEvents()


@pytest.fixture
def offline(ledger: ListedEvents) -> Offline:
    """Alice consented to be asked about while away."""
    checkin = MemoryCheckin(a_provider(), people={"alice": MemoryPerson("alice@egi.eu", "Alice")})
    offline = Offline(MemoryOffline(), checkin, lambda: ledger)
    offline.store.keep(checkin.give_consent("alice", NOW))
    return offline


@pytest.fixture
def type_in(store, ledger, offline, tmp_path, monkeypatch, capsys) -> Typed:
    """Type a command; its exit status, standard output and standard error."""
    policy = PolicyFiles(tmp_path / "policy")
    keystone = KeystoneSettings(auth_url="https://keystone.test", username="p3idp", password=SECRET)
    provider = ProviderSettings(client_id="p3idp", client_secret=SECRET)
    settings = Settings(policy_dir=policy.root, keystone=keystone, providers={"egi": provider})
    monkeypatch.setattr(logins, "load_settings", lambda file: settings)
    monkeypatch.setattr(mapping_replay, "load_settings", lambda file: settings)
    monkeypatch.setattr(wiring, "wire_logins", lambda settings: store)
    monkeypatch.setattr(wiring, "wire_ledger", lambda settings: ledger)
    monkeypatch.setattr(wiring, "wire_consents", lambda settings: offline.store)
    monkeypatch.setattr(wiring, "wire_offline", lambda settings: offline)
    monkeypatch.setattr(wiring, "now", lambda: NOW)

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *capsys.readouterr()

    return typed


def test_counting_names_nobody(type_in):
    status, told, _ = type_in("logins", "count")
    assert status == 0
    assert "2 of the identity provider egi" in told
    assert "2026-11-19" in told
    assert "90 days" in told
    assert "alice" not in told
    counted = json.loads(type_in("logins", "count", "--json")[1])
    assert counted["people"] == {"egi": 2}
    assert counted["unreadable"] == 0


def test_consents_are_counted_too(type_in, offline):
    assert "1 of the identity provider egi consented to be asked about while away" in type_in("logins", "count")[1]
    assert json.loads(type_in("logins", "count", "--json")[1])["consents"] == {"people": {"egi": 1}, "unreadable": 0}
    offline.store.held.clear()
    assert "Nobody consented" in type_in("logins", "count")[1]


def test_forgetting_ends_the_consent_as_well_and_is_fine_to_repeat(type_in, store, offline):
    told = "alice@egi.eu: forgotten (egi); consent ended (egi).\n"
    [kept] = offline.store.held.values()
    assert type_in("logins", "forget", "alice@egi.eu")[:2] == (0, told)
    assert type_in("logins", "forget", "alice@egi.eu")[:2] == (0, "alice@egi.eu: not remembered.\n")
    assert (len(store.held), offline.store.held) == (1, {})
    with pytest.raises(ConsentEnded):
        offline.refresher.trade(kept)


def test_forgetting_leaves_a_record_of_what_was_done_and_for_whom(type_in, ledger):
    type_in("logins", "forget", "alice@egi.eu")
    type_in("logins", "forget", "alice@egi.eu")
    done = [(event.action, event.target[1], event.actor.id) for event in ledger.events]
    assert done == [
        ("revoke/consent", f"alice@egi.eu@{a_provider().issuers[0]}", "command line"),
        ("delete/remembered-login", "alice@egi.eu", "command line"),
    ]
    assert "refresh-token" not in repr(ledger.events)


def test_an_export_leaves_a_record_first_or_is_none(type_in, ledger, tmp_path):
    type_in("logins", "export", str(tmp_path / "x"))
    [event] = ledger.events
    assert (event.action, event.details) == ("read/remembered-logins", {"logins": 2, "file": str(tmp_path / "x")})
    ledger.full = True
    assert type_in("logins", "export", str(tmp_path / "y"))[0] != 0
    assert not (tmp_path / "y").exists()


def test_consents_that_cannot_be_read_may_be_whom_to_forget(type_in, offline):
    offline.store.unreadable = 2
    status, _, beside = type_in("logins", "forget", "carol@egi.eu")
    assert (status, "2 consents cannot be read" in beside) == (1, True)
    assert "cannot be read with the key of the settings: 2." in type_in("logins", "count")[1]


def test_with_consents_alone_counting_and_forgetting_still_work(type_in, monkeypatch):
    monkeypatch.setattr(wiring, "wire_logins", lambda settings: None)
    assert type_in("logins", "count")[0] == 0
    assert type_in("logins", "forget", "alice@egi.eu")[1] == "alice@egi.eu: not remembered; consent ended (egi).\n"


def test_who_cannot_be_read_may_be_whom_to_forget(type_in, store):
    store.unreadable = 3
    status, told, beside = type_in("logins", "forget", "carol@egi.eu")
    assert (status, "not remembered" in told, "3 remembered logins cannot be read" in beside) == (1, True, True)
    assert "3 more cannot be read" in type_in("logins", "count")[1]


def test_an_export_is_for_its_owner_alone_and_overwrites_nothing(type_in, tmp_path: Path):
    file = tmp_path / "logins.jsonl"
    status, told, _ = type_in("logins", "export", str(file))
    assert (status, "2 logins are in" in told) == (0, True)
    assert file.stat().st_mode & 0o777 == 0o600
    first = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
    assert first["claims"]["sub"] == "alice@egi.eu"
    assert first["claims"]["iss"] == ISSUER
    status, _, beside = type_in("logins", "export", str(file))
    assert (status, "File exists" in beside) == (1, True)
    assert type_in("logins", "export", "-")[1] == file.read_text(encoding="utf-8")


def test_the_help_of_the_export_says_what_it_writes(type_in):
    told = " ".join(type_in("logins", "export", "--help")[1].split())
    assert "personal data in the clear" in told
    assert "0600" in told


def test_a_replay_reads_what_an_export_wrote(type_in, tmp_path: Path):
    file = tmp_path / "logins.jsonl"
    type_in("logins", "export", str(file))
    draft = PolicyFiles(tmp_path / "draft")
    draft.change("communities/vo.access.egi.eu.yaml", "[member]", "[reader]")
    words = ("mapping", "replay", str(draft.root), "--logins", str(file), "--at", "2026-11-22", "--json")
    status, told, beside = type_in(*words)
    assert (status, beside) == (0, "")
    replayed = json.loads(told)
    assert replayed["totals"]["loses-and-gains"] == 1
    assert replayed["coverage"]["bad"]["count"] == 0
    assert replayed["people"][0]["subject"] == "alice@egi.eu"


@pytest.mark.parametrize("words", [("count",), ("forget", "x"), ("export", "-")])
def test_without_a_key_there_is_nothing_to_ask(type_in, monkeypatch, words):
    for kind in ("wire_logins", "wire_consents", "wire_offline"):
        monkeypatch.setattr(wiring, kind, lambda settings: None)
    status, told, beside = type_in("logins", *words)
    assert (status, told, "logins-off" in beside) == (2, "", True)


def test_an_export_that_would_be_partial_is_none(type_in, store, tmp_path):
    store.unreadable = 1
    assert type_in("logins", "export", str(tmp_path / "x"))[0] == 1
    assert not (tmp_path / "x").exists()
