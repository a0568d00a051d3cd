"""What `make run` does after the installation: the lab, the example policy, and a page of what to try.

Owns the words that a newcomer reads first.
"""

import json
import subprocess
import sys
from pathlib import Path

from p3idp.errors.lab import ServerFailed
from p3idp.lab import running
from p3idp.lab.layout import Layout
from p3idp.lab.running import Row, Say
from p3idp.lab.servers.checkin import SOURCE


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


def _page(layout: Layout, rows: list[Row], *, applied: bool) -> str:
    addresses = layout.addresses
    ready = {row.name for row in rows if row.state == "ready"}
    lines = ["", "The lab is up." if applied else "The lab is up, without Keystone."]
    places = [
        ("broker", "Broker", addresses.broker_url, "sign in here: what the policy gives, and why"),
        ("keystone", "Keystone", addresses.keystone_url, "the real one, behind Apache"),
        ("checkin", "Check-in", addresses.issuer, "the stand-in; passwords are the logins"),
        ("horizon-front", "Horizon", addresses.horizon_url, "choose EGI Check-in"),
    ]
    lines += [f"  {title:<10} {url:<45} {what}" for name, title, url, what in places if name in ready]
    lines += ["", "People (the password is the login):"]
    lines += [f"  {person['login']:<10} {person['about']}" for person in _people()]
    settings = _shown(layout.settings)
    lines += [
        "",
        "Try next:",
        f"  open {addresses.broker_url} in a browser and sign in as alice, then as bob"
        f" (its certificate is signed by {_shown(layout.ca_file)})",
        "  .venv/bin/p3idp lab token --user alice              a Check-in access token, without a browser",
        f"  .venv/bin/p3idp plan --settings {settings}    nothing to do: Keystone is as the policy says",
        f"  .venv/bin/p3idp doctor --settings {settings}  checks the chain from Check-in to Keystone",
        "  make stop                                           ends all of it",
    ]
    return "\n".join(lines)


def _people() -> list[dict[str, str]]:
    people: list[dict[str, str]] = json.loads((SOURCE / "people.json").read_text(encoding="utf-8"))
    return people


def _shown(path: Path) -> str:
    """A path as people would type it here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
