"""Many commands at the same moment, each a process of its own: one asks, the others take what it got."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from researcher import Home

from p3idp.lab.handle import LabHandle

PROGRAM = Path(sys.executable).with_name("p3idp")
SCRIPTED = Path(__file__).with_name("scripted_browser.py")
MANY = int(os.environ.get("P3IDP_MANY", "4"))  # 200 of them take a minute and a half


def together(home: Home, *words: str, browser: str = "false %s") -> list[tuple[int, str, str]]:
    """Run the command so often at once; status, output and errors of each."""
    env = home.environment() | {"BROWSER": browser}
    running = [
        subprocess.Popen([PROGRAM, *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(MANY)
    ]
    ended = []
    for each in running:
        out, errors = each.communicate(timeout=120)
        ended.append((each.returncode, out, errors))
    return ended


@pytest.fixture
def tabs(tmp_path: Path, site: LabHandle) -> tuple[str, Path]:
    """A $BROWSER in which alice signs in after a moment, and the file where it notes each page that it opens."""
    noted = tmp_path / "tabs"
    program = tmp_path / "browser.sh"
    program.write_text(
        f'#!/bin/sh\necho tab >> {noted}\nsleep 1\nexec {sys.executable} {SCRIPTED} {site.ca_file} alice "$1"\n'
    )
    program.chmod(0o700)
    return f"{program} %s", noted


def age(home: Home) -> None:
    (file,) = home.cache.glob("identity-*.json")
    outer = json.loads(file.read_text())
    body = json.loads(outer["body"]) | {"ends_at": "2026-01-01T01:00:00+00:00"}
    file.write_text(json.dumps({**outer, "body": json.dumps(body)}))


def test_many_sign_ins_open_one_tab_and_many_refreshes_use_one_token(
    home: Home, at_the_lab: list[str], site: LabHandle, tabs: tuple[str, Path]
):
    browser, noted = tabs
    before = site.control().counters()["token"]
    ended = together(home, "login", *at_the_lab, "--json", browser=browser)
    assert [status for status, _, _ in ended] == [0] * MANY, ended
    assert {json.loads(out)["name"] for _, out, _ in ended} == {"alice"}
    assert noted.read_text().splitlines() == ["tab"]
    assert site.control().counters()["token"] == before + 1

    for turn in (2, 3):  # had the first turn used a refresh token twice, the second would find the sign-in ended
        age(home)
        ended = together(home, "token")
        assert [status for status, _, _ in ended] == [0] * MANY, ended
        assert len({out for _, out, _ in ended}) == 1
        assert site.control().counters()["token"] == before + turn

    ended = together(home, "token", "--project=p3@egi")
    assert len({out for _, out, _ in ended}) == 1
    assert ended[0][1].startswith("gAAAA")


def test_who_waited_for_a_sign_in_that_failed_opens_no_tab_of_its_own(
    home: Home, at_the_lab: list[str], tmp_path: Path
):
    noted = tmp_path / "tabs"
    program = tmp_path / "browser.py"
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys, time, urllib.parse, urllib.request\n"
        f"open({str(noted)!r}, 'a').write('tab\\n')\n"
        "time.sleep(2)\n"
        "query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(sys.argv[1]).query))\n"
        f"denied = {{'state': query['state'], 'error': 'access_denied', 'iss': {at_the_lab[1].partition('=')[2]!r}}}\n"
        "try:\n    urllib.request.urlopen(query['redirect_uri'] + '?' + urllib.parse.urlencode(denied))\n"
        "except OSError:\n    pass\n"
    )
    program.chmod(0o700)
    began = time.monotonic()
    ended = together(home, "login", *at_the_lab, browser=f"{program} %s")
    assert noted.read_text().splitlines() == ["tab"]
    assert sorted(status for status, _, _ in ended) == [3] * (MANY - 1) + [4]
    assert all("refused in the browser" in errors for _, _, errors in ended)
    assert time.monotonic() - began < 20
