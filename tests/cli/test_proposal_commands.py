"""`p3idp propose`, `approve`, `proposals` and `apply --proposal` as typed: what they say, ask for and refuse."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from access_world import AccessWorld
from policies import ISSUER, NOW, PolicyFiles

from p3idp import wiring
from p3idp.adapters.memory.proposals import MemoryProposals
from p3idp.cli import access
from p3idp.cli.main import run
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.model import ProviderId
from p3idp.ops.proposals import ProposalDesk

ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
APPROVERS = "approvers: {identity_provider: egi, subjects: [alice@egi.eu, bob@egi.eu]}\n"
Typed = Callable[..., tuple[int, str, str]]


class Believing:
    """A verifier that takes a token for the name of its owner."""

    def verify_access_token(self, raw: RawToken, now: object) -> VerifiedClaims:
        who = raw.reveal()
        end = NOW + timedelta(hours=1)
        egi = ProviderId("egi")
        return VerifiedClaims(egi, ISSUER, who, "p3idp", NOW, end, (), (), (), who, {})


@pytest.fixture
def world(tmp_path: Path) -> AccessWorld:
    world = AccessWorld(PolicyFiles(tmp_path / "policy"))
    world.files.write("site.yaml", APPROVERS + (world.files.root / "site.yaml").read_text(encoding="utf-8"))
    world.apply("changes-approvers")
    world.files.change(ACCESS_FILE, "[member]", "[admin, member]")
    return world


@pytest.fixture
def type_in(world: AccessWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command; its exit status, standard output and standard error."""
    kept = MemoryProposals()
    day, quarter = timedelta(days=1), timedelta(minutes=15)
    tokens = iter(range(100))
    desk = ProposalDesk(
        world.ops, lambda: kept, lambda site, environment: Believing(), day, quarter, lambda: str(next(tokens))
    )
    monkeypatch.setattr(access, "load_settings", lambda file: None)
    monkeypatch.setattr(wiring, "wire_access", lambda settings: world.ops)
    monkeypatch.setattr(wiring, "wire_proposals", lambda settings: desk)
    monkeypatch.setattr(wiring, "wire_past", lambda settings: world.ops.past())
    monkeypatch.setattr("p3idp.cli.history.load_settings", lambda file: None)
    monkeypatch.setattr(wiring, "now", lambda: world.now)

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *capsys.readouterr()

    return typed


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    files = {name: tmp_path / f"{name}.tok" for name in ("alice", "bob", "carol")}
    for name, file in files.items():
        file.write_text(f"{name}@egi.eu\n")
    return {name: str(file) for name, file in files.items()}


def test_each_step_says_what_to_type_next(world: AccessWorld, type_in: Typed, tokens: dict[str, str]) -> None:
    status, told, _ = type_in("plan")
    assert (status, "p3idp propose --token-file FILE\n" in told) == (0, True)
    assert "p3idp apply" not in told, "one person cannot"
    status, told, _ = type_in("propose", "--token-file", tokens["alice"])
    identity = told.splitlines()[-1].rpartition(" ")[2]
    assert (status, told.splitlines()[-1]) == (
        0,
        f"Another approver looks at it and approves: p3idp approve {identity}",
    )
    _, told, _ = type_in("approve", identity)
    assert "! admin-role:" in told
    again = told.splitlines()[-1].removeprefix("To approve it: p3idp ").removesuffix("FILE").split()
    status, told, _ = type_in(*again, tokens["bob"])
    assert (status, told.splitlines()[0][:33]) == (0, "Approved by bob@egi.eu (egi) (led")
    status, told, _ = type_in(*told.splitlines()[-1].removeprefix("To apply it: p3idp ").split())
    assert (status, "1 made" in told) == (0, True)
    assert (
        f"{identity}  2026-11-22T09:00  approved by bob@egi.eu (egi), by alice@egi.eu (egi)" in type_in("proposals")[1]
    )
    assert "Approved by bob@egi.eu (egi), 2026-11-22 09:00Z" in type_in("proposals", identity)[1]
    told = type_in("history", "show", "2")[1]
    assert f"Proposal {identity} by alice@egi.eu (egi), approved by bob@egi.eu (egi)" in told.splitlines()
    decided = json.loads(type_in("history", "show", "2", "--json")[1])["decided"]
    assert (decided["proposal"], decided["approver"]["subject"]) == (identity, "bob@egi.eu")
    assert json.loads(type_in("history", "show", "1", "--json")[1])["decided"] is None


def test_machines_get_all_of_it(world: AccessWorld, type_in: Typed, tokens: dict[str, str]) -> None:
    made = json.loads(type_in("propose", "--json", "--token-file", tokens["alice"])[1])
    assert made["digest"] == made["plan"]["digest"] == world.plan().digest
    seen = json.loads(type_in("approve", made["id"], "--json")[1])
    assert seen == made
    words = ("approve", made["id"], "--digest", made["digest"], "--token-file", tokens["bob"], "--json")
    approved = json.loads(type_in(*words)[1])
    assert approved["approver"]["subject"] == "bob@egi.eu"
    told = json.loads(type_in("proposals", made["id"], "--json")[1])
    assert (told["approval"], told["plan"]) == (approved, made["plan"])
    assert [each["id"] for each in json.loads(type_in("proposals", "--json")[1])] == [made["id"]]
    done = json.loads(type_in("apply", "--proposal", made["id"], "--token-file", tokens["carol"], "--json")[1])
    assert done["digest"] == made["digest"]
    assert world.ledger.kept[-1].body["initiator"]["id"] == f"carol@egi.eu@{ISSUER}"


def test_an_ordinary_apply_tells_who_where_a_token_does(
    world: AccessWorld, type_in: Typed, tokens: dict[str, str]
) -> None:
    world.files.change(ACCESS_FILE, "[admin, member]", "[reader, member]")
    assert type_in("apply", "--yes", "--token-file", tokens["carol"])[0] == 0
    body = world.ledger.kept[-1].body
    assert body["initiator"]["id"] == f"carol@egi.eu@{ISSUER}"
    assert world.ledger.kept[-2].body["attachments"][0]["content"]["account"] == world.keystone.account()


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("propose",), 2, "Missing option '--token-file'"),
        (("propose", "--token-file", "/nowhere"), 2, "cannot be read"),
        (("propose", "--token-file", "CAROL"), 4, "no approver"),
        (("approve", "nothing"), 2, "There is no proposal nothing."),
        (("approve", "nothing", "--digest", "x"), 2, "give both --digest and --token-file"),
        (("proposals", "nothing"), 2, "There is no proposal nothing."),
        (("apply", "--proposal", "nothing"), 2, "There is no proposal nothing."),
        (("apply", "--proposal", "x", "--yes"), 2, "--proposal ID, or --yes"),
        (("apply", "--proposal", "x", "--accept", "admin-role"), 2, "--accept goes with"),
        (("apply", "--yes", "--accept", "admin-role"), 4, "p3idp propose --token-file FILE"),
    ],
)
def test_what_cannot_be_is_refused_with_its_status(
    type_in: Typed, tokens: dict[str, str], words: tuple[str, ...], status: int, told: str
) -> None:
    ended, _, said = type_in(*(tokens["carol"] if word == "CAROL" else word for word in words))
    assert ended == status, said
    assert told in said
