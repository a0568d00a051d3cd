"""What `make run` does after the installation: the lab, the example policy, and a page of what to try.

Owns the words that a newcomer reads first.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from p3idp.errors.lab import ServerFailed
from p3idp.lab import running
from p3idp.lab.layout import Layout
from p3idp.lab.people import lab_people
from p3idp.lab.running import Row, Say
from p3idp.lab.servers.apache import INSTALL
from p3idp.settings import load_settings
from p3idp.wiring import now, wire_policy


def run_demo(layout: Layout, say: Say) -> str:
    """Start everything, apply the policy where Keystone runs, and return the page. Raises what `up` raises."""
    rows = running.up(layout, say)
    applied = any(row.name == "keystone" and row.state == "ready" for row in rows)
    if applied:
        apply_policy(layout)
        say("the example policy is applied")
    return _page(layout, rows, applied=applied)


def apply_policy(layout: Layout) -> None:
    """Plan and apply the lab's policy in one go, by the command that a site would use. Raises ServerFailed."""
    command = [str(Path(sys.executable).with_name("p3idp")), "apply", "--yes", "--settings", str(layout.settings)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ServerFailed(
            f"The example policy could not be applied:\n{done.stderr.strip()}", hint="See the lines above."
        )


def _page(layout: Layout, rows: Sequence[Row], *, applied: bool) -> str:
    head = "The lab is up." if applied else "The lab is up, without Keystone."
    return "\n".join(["", head, *_places(layout, rows), "", *_people(layout), "", *_next(layout, applied=applied)])


def _places(layout: Layout, rows: Sequence[Row]) -> list[str]:
    addresses = layout.addresses
    ready = {row.name for row in rows if row.state == "ready"}
    places = [
        ("broker", "Broker", addresses.broker_url, "sign in here: what the policy gives, and why"),
        ("dashboard", "Horizon", addresses.horizon_url, "the dashboard; choose EGI Check-in"),
        ("keystone", "Keystone", addresses.keystone_url, "the real one, behind Apache"),
        ("checkin", "Check-in", addresses.issuer, "the stand-in"),
    ]
    return [f"  {title:<9} {url:<42} {what}" for name, title, url, what in places if name in ready]


def _people(layout: Layout) -> list[str]:
    policy, moment = wire_policy(load_settings(str(layout.settings))), now()
    rows = [(one.login, one.access(policy, moment), one.about) for one in lab_people()]
    width = max(len(access) for _, access, _ in rows)
    return [
        "Who can sign in (the password is the login), what they get, and who they are:",
        *(f"  {login:<9} {access:<{width}}  {about}" for login, access, about in rows),
    ]


def _next(layout: Layout, *, applied: bool) -> list[str]:
    where = "" if layout.state == Path(".lab").resolve() else f" --dir {_shown(layout.state)}"
    settings = f"--settings {_shown(layout.settings)}"
    at_keystone = [
        (
            f".venv/bin/p3idp plan {settings}",
            f"Nothing waits. Change a file in {_shown(layout.policy)} and plan again.",
        ),
        (f".venv/bin/p3idp doctor {settings}", "Checks the chain from Check-in to Keystone."),
    ]
    steps = [
        (
            f"Open {layout.addresses.broker_url} and sign in as alice, then as bob.",
            f"A browser warns of the certificate; the lab's own authority is {_shown(layout.ca_file)}",
        ),
        *(at_keystone if applied else [(INSTALL, "Brings what Keystone needs; then start again.")]),
        (
            f".venv/bin/p3idp login --broker {layout.addresses.broker_url} --ca-file {_shown(layout.ca_file)}",
            "Signs in for the command line: `.venv/bin/p3idp projects` comes next.",
        ),
        (f".venv/bin/p3idp lab token --user alice{where}", "A Check-in access token, without a browser."),
        (f".venv/bin/p3idp lab down{where}" if where else "make stop", "Ends all of it; what is there stays."),
    ]
    return ["Try next:", *(f"  {step}\n    {what}" for step, what in steps)]


def _shown(path: Path) -> str:
    """A path as people would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
