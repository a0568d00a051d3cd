"""A real kill -9 between the identity provider's answer and ours: who signs in begins again, and is told so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from device_world import DeviceWorld, Shown, from_address

from p3idp.adapters.seal import FernetSeal
from p3idp.adapters.store.devices import StoredDevices
from p3idp.adapters.store.engine import open_store
from p3idp.core.secret import Secret
from p3idp.errors.device import DeviceCodeOver, DeviceInterrupted, DevicePending

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
KIT = Path(__file__).parents[1] / "kit"


def world_over(url: str) -> DeviceWorld:
    from_address("192.0.2.1")
    return DeviceWorld(StoredDevices(open_store(url), FernetSeal(Secret(KEY), "device sign-in")))


def poll_and_die(url: str, device_code: str, when: str) -> None:
    """In a process of its own: the provider gives tokens, and then nothing runs any more."""
    world = world_over(url)
    world.provider.agree(1, "alice")
    if when == "before the device is gone":
        world.provider.on_given = lambda: os.kill(os.getpid(), signal.SIGKILL)
    world.poll(Shown(device_code, "", ""))
    os.kill(os.getpid(), signal.SIGKILL)  # the device is gone, and the answer has not left


@pytest.mark.parametrize("when", ["before the device is gone", "before the answer left"])
def test_after_a_kill_the_person_signs_in_again(tmp_path: Path, when: str):
    url = f"sqlite:///{tmp_path}/store.sqlite"
    world = world_over(url)
    shown = world.begin()
    world.agree(shown)
    killed = subprocess.run(
        [sys.executable, __file__, url, shown.device_code, when],
        env={**os.environ, "PYTHONPATH": str(KIT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    world.provider._spent.add("upstream-1")  # the provider gave its tokens to the process that died
    met = []
    for _ in range(7):
        world.wait()
        with pytest.raises((DevicePending, DeviceInterrupted, DeviceCodeOver)) as ended:
            world.poll(shown)
        met.append(type(ended.value))
    if when == "before the answer left":
        assert met == [DeviceCodeOver] * 7
        return
    assert met == [*[DevicePending] * 5, DeviceInterrupted, DeviceCodeOver]
    assert [event.reason for event in world.ledger.events] == ["device-interrupted"]
    again = world.begin()
    world.desk.agree(again.user_code, "b")
    world.provider.agree(2, "alice")
    assert world.poll(again).access_token.reveal() == "token-alice"


if __name__ == "__main__":
    poll_and_die(*sys.argv[1:])
