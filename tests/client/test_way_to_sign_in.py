"""Which way a sign-in takes by itself, and what a person is shown."""

import pytest

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
