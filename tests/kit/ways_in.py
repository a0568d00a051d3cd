"""The ways to a Keystone token that need no browser, for tests that hold them against one another."""

import sys
from pathlib import Path
from subprocess import run

from p3idp.core.login.tokens import RawToken
from p3idp.core.secret import Secret
from p3idp.lab.handle import LabHandle
from p3idp.wiring import wire_federated_login, wire_policy

# At a change of groups Keystone spares the tokens of the second before. Whoever looks for a change must wait so long
# after a login, or will see none.
A_SECOND = 1.1


def as_the_broker_does(site: LabHandle, login: str) -> str:
    """The broker's Keystone tokens never leave it; this is the same login with a token of the same client."""
    provider = wire_policy(site.settings).site.provider("egi")
    access_token = site.token(login, client="p3idp", scopes=" ".join(provider.scopes))
    return wire_federated_login(site.settings).login(provider, RawToken(Secret(access_token))).value.reveal()


def by_command_line(site: LabHandle, login: str, project: str = "p3@egi", scopes: str | None = None) -> str:
    """`p3idp exchange` at the lab's broker."""
    command = [Path(sys.executable).with_name("p3idp"), "exchange", "--broker", site.urls.broker_url]
    options = ["--project", project, "--ca-file", str(site.ca_file), "--token-file", "-"]
    done = run([*command, *options], input=site.token(login, scopes=scopes), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
