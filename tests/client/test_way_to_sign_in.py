"""Which way a sign-in takes by itself, and what a person is shown."""

from collections.abc import Callable

import pytest
from researcher import Done, ScriptedBrowser
from small_site import SmallSite

from p3idp.client.flows.choose import Person, qr_text, show_code, suitable
from p3idp.client.flows.device import DeviceCode

CODE = DeviceCode("d", "ABCD", "https://op.test/d", "https://op.test/d?user_code=ABCD", 5, 600)


@pytest.mark.parametrize(
    ("environ", "platform", "way"),
    [
        ({"DISPLAY": ":0"}, "linux", "browser"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", "browser"),
        ({"BROWSER": "/usr/bin/mine"}, "linux", "browser"),
        ({}, "linux", "device"),
        ({"DISPLAY": ""}, "linux", "device"),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "a b c d"}, "linux", "device"),
        ({"DISPLAY": ":0", "SSH_TTY": "/dev/pts/1"}, "linux", "device"),
        ({"SSH_CLIENT": "a"}, "darwin", "device"),
        ({}, "darwin", "browser"),
        ({}, "win32", "browser"),
    ],
    ids=str,
)
def test_a_browser_where_somebody_sits_in_front_of_one(environ: dict[str, str], platform: str, way: str):
    assert suitable(environ, has_device_flow=True, platform=platform) == way


def test_pasting_is_the_last_resort_and_no_browser_means_none():
    assert suitable({}, has_device_flow=False, platform="linux") == "paste"
    assert suitable({"DISPLAY": ":0"}, has_device_flow=True, can_open=False, platform="linux") == "device"
    assert suitable({}, has_device_flow=False, can_open=False, platform="darwin") == "paste"


def test_the_person_sees_link_and_code_and_where_asked_a_qr_code():
    told: list[str] = []
    show_code(CODE, Person(told.append, input))
    assert any("ABCD" in line for line in told)
    assert any("https://op.test/d" in line for line in told)
    assert not any("█" in line for line in told)
    show_code(CODE, Person(told.append, input, qr=True))
    assert any("█" in line for line in told)


def test_a_qr_code_is_square_and_framed():
    lines = qr_text("https://op.test/d?user_code=ABCD").split("\n")
    assert len({len(line) for line in lines}) == 1
    assert abs(len(lines) * 2 - len(lines[0])) <= 1
    assert set(lines[0]) == {"█"}
    assert {line[0] for line in lines} == {"█"} or lines[-1][0] in "█▀"


def test_who_is_signed_in_already_is_told_so_and_how_to_be_somebody_else(
    mary: Callable[..., Done], small: SmallSite, browser: ScriptedBrowser
):
    tabs = len(browser.opened)
    again = mary("login", *small.options())
    assert again.stdout.startswith("Already signed in at ")
    assert "p3idp login --again" in again.stdout
    assert len(browser.opened) == tabs
    anew = mary("login", *small.options(), "--again")
    assert anew.stdout.startswith("Signed in at ")
    assert len(browser.opened) == tabs + 1


def test_a_name_is_given_back_by_signing_out(mary: Callable[..., Done], small: SmallSite):
    elsewhere = ["login", "--cloud=small", "--broker=https://localhost:1"]
    taken = mary(*elsewhere)
    assert (taken.returncode, "cloud-name-taken" in taken.stderr) == (2, True), taken.stderr
    assert mary("logout").returncode == 0
    assert mary(*elsewhere).returncode == 5  # nobody is there: it was asked
    assert mary("login", *small.options()).returncode == 0


def test_a_command_that_no_shell_reads_is_a_mistake_of_the_call(p3idp: Callable[..., Done]):
    done = p3idp("login", "--broker=https://b.test", "--token-command='oidc-token")
    assert (done.returncode, "usage-mistaken" in done.stderr) == (2, True), done.stderr


def test_a_cloud_at_which_nobody_could_sign_in_does_not_come_into_use(mary: Callable[..., Done], small: SmallSite):
    failed = mary("login", *small.options(), "--cloud=other", "--token-command=false")
    assert failed.returncode == 3, failed.stderr
    assert "Cloud     small" in mary("whoami").stdout


@pytest.mark.parametrize("project", ["", "p" * 130], ids=["empty", "long"])
@pytest.mark.parametrize(
    "words",
    [["use"], ["env", "--project"], ["token", "--project"], ["config", "write", "--project"]],
    ids=" ".join,
)
def test_a_project_that_cannot_be_one_is_no_other_project(p3idp: Callable[..., Done], words: list[str], project: str):
    done = p3idp(*words, project)
    assert (done.returncode, "usage-mistaken" in done.stderr) == (2, True), done.stderr
