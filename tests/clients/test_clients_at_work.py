"""What people type after `p3idp login`: list, make, run for long, and leave the community in the middle.

Real are openstack, openstacksdk, Ansible with openstack.cloud, Keystone and Barbican. The desk fails every test in
which a token comes into the open: in what is said, in arguments, in logs, in files.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest
from client_desk import Desk, snippet
from typed import typed

from p3idp import wiring
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.lab.handle import LabHandle
from p3idp.lab.sign_in import SCOPES
from p3idp.ports.offline import OfflineAccess

LIFE = 20  # seconds; a command of openstack takes two to five
SCRIPT = snippet("python", "import openstack")
PLAY = snippet("yaml", "- name: Make a container")


@contextmanager
def tokens_live(site: LabHandle, seconds: int) -> Iterator[None]:
    control = site.control()
    before = control.access_token_life(seconds)
    try:
        yield
    finally:
        control.access_token_life(before)
        control.close()


def test_the_pages_own_examples_work_after_one_sign_in(desk: Desk) -> None:
    desk.login()
    desk.run("openstack", "secret", "store", "--name", "database", "--payload", "hush")
    assert "database" in [each["Name"] for each in desk.openstack("secret", "list")]
    assert {"database", "from Python"} <= set(desk.run(str(desk.python), "-c", SCRIPT).splitlines())
    shown = desk.play(PLAY)
    assert "changed=1" in shown
    assert "database, from Python" in shown
    assert any(each["Name"].startswith("from-ansible") for each in desk.openstack("secret", "container", "list"))
    assert desk.tabs() == 1


def test_the_loudest_words_of_the_clients_hold_no_token(desk: Desk) -> None:
    desk.login()
    assert "REQ: curl" in desk.run("openstack", "--debug", "secret", "list"), "it was loud"
    desk.forget_project_tokens()
    loud = desk.run("openstack", "-vvv", "--debug", "catalog", "list")
    assert "/oauth/token" in loud, "and tells of the exchange"
    assert "openstack.cloud" in desk.play(PLAY, "-vvvv")
    script = "import logging; logging.basicConfig(level=0)\nimport openstack; openstack.enable_logging(debug=True)\n"
    assert "REQ: curl" in desk.run(str(desk.python), "-c", script + SCRIPT)
    desk.said.append(f"... {min(desk.secrets)} ...")
    assert desk.leaks() == [f"word {len(desk.said) - 1}"], "the control: what is said is found"
    desk.said.pop()


LONG = """
import sys, time, openstack
cloud, end, tokens = openstack.connect("p3"), time.monotonic() + float(sys.argv[1]), set()
while time.monotonic() < end:
    list(cloud.key_manager.secrets())
    tokens.add(cloud.session.get_token())
    time.sleep(0.5)
print(len(tokens))
"""


def test_long_runs_outlive_their_tokens(desk: Desk) -> None:
    """A play whose tasks come long after one another, and a program that never stops asking."""
    with tokens_live(desk.site, LIFE):
        desk.login()
        tasks = PLAY.partition("  tasks:\n")[2]
        pause = f"    - name: Do something else\n      ansible.builtin.pause:\n        seconds: {LIFE}\n"
        began = monotonic()
        desk.play(PLAY + "\n" + (pause + tasks.replace("from-ansible", "from-ansible-later")))
        desk.openstack("secret", "list")
        assert monotonic() - began > LIFE
        assert int(desk.run(str(desk.python), "-c", LONG, str(2 * LIFE))) >= 3
    assert desk.tabs() == 1


@pytest.fixture
def alice_consented(desk: Desk) -> None:
    """What the button on the access page leaves: p3idp may ask Check-in about her while she is away."""
    offline = wiring.wire_offline(desk.site.settings)
    assert offline is not None
    (subject,) = [each["voperson_id"] for each in desk.site.control().people() if each["login"] == "alice"]
    token = desk.site.tokens("alice", client="p3idp", scopes=f"{SCOPES} offline_access")["refresh_token"]
    moment = wiring.now()
    offline.store.keep(OfflineAccess(ProviderId("egi"), desk.site.urls.issuer, subject, Secret(token), moment, moment))


NEVER_ENDING = """
import time, openstack
cloud = openstack.connect("p3")
while True:
    list(cloud.key_manager.secrets())
    print("works", flush=True)
    time.sleep(0.2)
"""


def test_who_leaves_the_community_is_let_in_no_more_and_told_why(desk: Desk, alice_consented: None) -> None:
    desk.login()
    desk.play(PLAY)
    working = subprocess.Popen(
        [desk.python, "-c", NEVER_ENDING],
        cwd=desk.directory, env=desk.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert working.stdout is not None
    assert working.stdout.readline() == "works\n"
    control = desk.site.control()
    control.withdraw("alice")
    try:
        typed(desk.site.settings_path, "recheck", "--everyone", "--accept", "too-many-leavers")
        said = [
            desk.run("openstack", "secret", "list", status=1),
            desk.play(PLAY, status=2),
            desk.run(str(desk.python), "-c", SCRIPT, status=1),
            desk.run("p3idp", "use", "p3", status=4),
            "".join(working.communicate(timeout=60)),
        ]
    finally:
        working.kill()
        control.restore("alice")
        typed(desk.site.settings_path, "recheck", "--everyone", "--accept", "too-many-leavers")
        control.close()
    assert working.returncode == 1
    assert [text for text in said if "The policy gives you no project" not in text] == []
    assert [text for text in said if "exchange-no-access" not in text] == []
    assert [text for text in (said[0], said[1], said[3]) if "Traceback" in text] == []
    assert desk.tabs() == 1
