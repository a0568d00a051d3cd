"""What Keystone's answers about application credentials mean to a person; and runs that leave none behind."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paper_keystone import PaperKeystone

from p3idp.client.cache.files import PrivateFiles
from p3idp.client.credential_values import AccessRule, MadeCredential, Wish
from p3idp.client.long_run import LongRun
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.client import SignInNeeded
from p3idp.errors.own_credentials import CredentialRefused

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
WISH = Wish("ci", NOON)


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_what_is_asked_for_is_restricted_and_ends():
    keystone = PaperKeystone()
    own = keystone.own_credentials()
    rules = (AccessRule("GET", "compute", "/v2.1/servers"),)
    made = own.create(own.keystone.project("p3@egi"), Wish("ci", NOON, ("reader",), rules, "nightly"))
    assert keystone.credentials["c1"] == {
        "name": "ci", "unrestricted": False, "expires_at": "2026-11-22T12:00:00", "roles": [{"name": "reader"}],
        "access_rules": [{"method": "GET", "service": "compute", "path": "/v2.1/servers"}], "description": "nightly",
        "id": "c1", "project_id": "p1",
    }  # fmt: skip
    assert (made.credential.ends_at, made.credential.rules) == (NOON, rules), "Keystone's moments are UTC"
    assert (made.secret, made.project, made.auth_url) == (Secret("s1"), "p3@egi", "https://k.test/v3")
    assert "s1" not in repr(made)


# what Keystone does, the task, the code, and a word of the message
REFUSALS = {
    "memberships that do not last": ("create", (400, "Could not find role assignment with role: 1"), "create",
                                     "application-credential-refused", "authorization_ttl"),
    "too many": ("create", (403, "Unable to create additional application credentials"), "create",
                 "application-credential-refused", "additional"),
    "no reason": ("create", (400, ""), "create", "application-credential-refused", "does not say why"),
    "a defect": ("create", (503, "x"), "create", "keystone-unreachable", "503"),
    "silence": ("create", None, "create", "keystone-unreachable", "in time"),
    "another answer": ("create", (201, "x"), "create", "application-credential-refused", "something that is not"),
    "the door closed": ("log in", (401, ""), "list", "sign-in-needed", "access token"),
    "nobody let in": ("log in", (403, ""), "list", "keystone-refused-person", "403"),
    "a list refused": ("list", (403, "no"), "list", "application-credential-refused", "no"),
    "a deletion refused": ("delete", (403, "no"), "end", "application-credential-refused", "no"),
}  # fmt: skip


@pytest.mark.parametrize(("method", "failure", "task", "code", "word"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_what_it_is(method: str, failure: tuple[int, str] | None, task: str, code: str, word: str):
    keystone = PaperKeystone()
    own = keystone.own_credentials()
    if task != "create":
        before = keystone.own_credentials()
        before.create(before.keystone.project("p3"), WISH)
    keystone.fails[method] = failure
    tasks = {
        "create": lambda: own.create(own.keystone.project("p3"), WISH),
        "list": own.listed,
        "end": lambda: own.end(own.named("ci")),
    }
    with pytest.raises(P3idpError) as refused:
        tasks[task]()
    assert refused.value.code == code
    assert word in refused.value.detail + refused.value.hint


def test_an_end_is_believed_only_when_keystone_knows_the_credential_no_more():
    keystone = PaperKeystone(keeps=True)
    own = keystone.own_credentials()
    made = own.create(own.keystone.project("p3"), WISH)
    with pytest.raises(CredentialRefused, match="still answers"):
        own.end(made.credential)
    keystone.keeps = False
    own.end(made.credential)
    own.end(made.credential)  # whoever was faster did the same


# ---- runs ----


class Place:
    """A machine where runs happen."""

    def __init__(self, directory: Path) -> None:
        self.keystone, self.files, self.told = PaperKeystone(), PrivateFiles(directory / "cache"), list[str]()
        self.signed_in, self.now, self.asked = True, NOON, list[bool]()

    def come(self, ask: bool):  # type: ignore[no-untyped-def]  # OwnCredentials
        self.asked.append(ask)
        if not self.signed_in:
            raise SignInNeeded("Nobody is signed in at lab.")
        return self.keystone.own_credentials()

    def runs(self) -> LongRun:
        return LongRun(self.files, self.come, self.told.append, lambda: self.now)

    def run(self, work=lambda made, note: 0) -> int:  # type: ignore[no-untyped-def]  # a test's own
        return self.runs().run("p3@egi", timedelta(hours=12), work)

    def notes(self) -> list[Path]:
        return list(self.files.directory.glob("run-*.note"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_run_has_a_credential_of_its_own_while_it_lasts(place: Place):
    def work(made: MadeCredential, note: int) -> int:
        assert place.keystone.names() == [made.credential.name]
        assert made.credential.ends_at == NOON + timedelta(hours=12)
        (file,) = place.notes()
        assert os.fstat(note).st_ino == file.stat().st_ino
        assert file.stat().st_mode & 0o777 == 0o600
        assert made.secret.reveal() not in file.read_text().split('"')
        return 7

    assert place.run(work) == 7
    assert (place.keystone.names(), place.notes(), place.told) == ([], [], [])


@pytest.mark.parametrize("error", [ValueError("work"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_however_a_run_ends_its_credential_does(place: Place, error: BaseException):
    def work(made: MadeCredential, note: int) -> int:
        raise error

    with pytest.raises(type(error)):
        place.run(work)
    assert (place.keystone.names(), place.notes()) == ([], [])


def test_a_credential_whose_making_was_cut_off_ends_too(place: Place):
    """Keystone made it, and its answer did not arrive."""
    place.keystone.fails["create"] = (500, "")
    with pytest.raises(P3idpError):
        place.run()
    assert place.keystone.made == 1
    assert (place.keystone.names(), place.notes()) == ([], [])


def test_no_credential_is_made_without_a_note(place: Place):
    place.run()
    place.files.directory.chmod(0o700)
    name = place.files.directory / "run.lock"
    name.unlink(missing_ok=True)
    name.mkdir()  # nothing can be locked
    with pytest.raises(P3idpError):
        place.run()
    assert place.keystone.made == 1


def test_in_the_middle_of_a_run_nobody_is_asked_and_nothing_ends_it(place: Place):
    runs = place.runs()

    def work(made: MadeCredential, note: int) -> int:
        place.signed_in = False
        runs.renew()
        place.signed_in = True
        assert place.asked == [True, False], "a browser would open over somebody's work"
        return 0

    assert runs.run("p3@egi", timedelta(hours=1), work) == 0
    assert place.asked == [True, False, True]


def test_a_note_that_goes_while_others_look_for_it_is_nobodys(place: Place):
    place.run()
    (place.files.directory / "run-gone.note").symlink_to("nowhere")  # listed, and not there
    assert place.run() == 0
    assert place.keystone.names() == []


def killed(place: Place) -> str:
    """What a killed run leaves: a credential, and a note that nobody holds."""
    keystone = place.keystone.own_credentials()
    made = keystone.create(keystone.keystone.project("p3"), Wish("p3idp-exec-killed", NOON + timedelta(hours=1)))
    body = {"place": "https://k.test/v3 u1", "credential": made.credential.name, "ends_at": NOON.isoformat()}
    (place.files.directory / "run-killed.note").write_text(json.dumps(body))
    return made.credential.name


def test_the_next_run_ends_what_a_killed_one_left_and_nothing_else(place: Place):
    place.run()
    keystone = place.keystone.own_credentials()
    others = [Wish("mine", NOON - timedelta(days=1)), Wish("p3idp-exec-elsewhere", NOON + timedelta(hours=1))]
    for wish in [*others, Wish("p3idp-exec-over", NOON)]:
        keystone.create(keystone.keystone.project("p3"), wish)
    killed(place)
    place.run()
    assert place.keystone.names() == ["mine", "p3idp-exec-elsewhere"]
    assert place.notes() == []


def test_a_run_that_lasts_is_let_be(place: Place):
    def outer(made: MadeCredential, note: int) -> int:
        place.run(lambda other, _: 0)
        assert place.keystone.names() == [made.credential.name]
        return 0

    place.run(outer)


def test_a_note_of_another_place_stays_until_it_is_over(place: Place):
    place.run()
    later = {"place": "https://other.test/v3 u1", "credential": "p3idp-exec-x", "ends_at": "2026-11-23T00:00:00+00:00"}
    note = place.files.directory / "run-x.note"
    note.write_text(json.dumps(later))
    (place.files.directory / "run-y.note").write_text("half a no")
    place.run()
    assert place.notes() == [note]
    place.now = NOON + timedelta(days=1)
    place.run()
    assert place.notes() == []


def test_what_cannot_be_ended_is_said_and_ended_by_the_next(place: Place):
    def work(made: MadeCredential, note: int) -> int:
        place.signed_in = False
        return 5

    assert place.run(work) == 5
    assert len(place.keystone.names()) == len(place.notes()) == 1
    assert "ends by itself at 2026-11-23 00:00 UTC" in place.told[0]
    place.runs().renew()  # nobody to ask is no harm
    place.signed_in = True
    place.run()
    assert (place.keystone.names(), place.notes()) == ([], [])


def test_a_list_that_fails_holds_no_run_up(place: Place):
    place.run()
    killed(place)
    place.keystone.fails["list"] = (403, "no")
    assert place.run() == 0
    assert "run-killed.note" in [each.name for each in place.notes()], "for the next"
    assert "could not be ended" in place.told[0]
