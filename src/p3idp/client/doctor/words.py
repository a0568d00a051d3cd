"""All checks of the client's doctor: what each asks, what a failure does, and what to try.

Owns the words. A check's name is stable: scripts ask for it, and docs/how-to/when-the-command-line-fails.md lists it.
"""

from collections.abc import Mapping

from p3idp.core.site.catalogue import Check
from p3idp.core.site.findings import Finding, Status

CHECKS: Mapping[str, Check] = {
    # ---- this machine
    "versions": Check("Which versions run here?", "", ""),
    "plugin": Check(
        "Does keystoneauth find the plugin v3p3idp?",
        "`openstack` and the SDK cannot use the sign-in.",
        "Install p3idp again in this environment: pip install --force-reinstall p3idp",
    ),
    "openstack-client": Check(
        "Does `openstack` run in the environment where p3idp is?",
        "Its own environment has no plugin v3p3idp; `p3idp exec` and clouds.yaml fail there.",
        "Install both in one environment: pip install p3idp python-openstackclient",
    ),
    "environment": Check(
        "Do variables of the shell get in the way?",
        "Programs take them for what they were not meant for.",
        "Unset the variable, or set it right.",
    ),
    "configuration": Check(
        "Can client.toml and what is remembered be read?",
        "No command knows a cloud.",
        "Correct the file as the message says.",
    ),
    "cloud": Check(
        "Is it known where to sign in?", "`p3idp login` must be told.", "Run: p3idp login --broker https://BROKER"
    ),
    "ca-file": Check(
        "Can the trusted authorities be read?",
        "No server is believed, so none is asked.",
        "Name a file of CA certificates in PEM with --ca-file or ca_file.",
    ),
    # ---- the servers
    "reachable": Check(
        "Does the server answer?",
        "Commands that need it end with exit status 5; what is kept stays.",
        "Check the address, the network and the name service; then ask the site whether it is up.",
    ),
    "certificate": Check(
        "Is the server's certificate believed?",
        "Nothing is sent there.",
        "Name the site's authority with --ca-file, and check the clock.",
    ),
    "clock": Check(
        "Does this machine's clock agree with the server's?",
        "Sign-ins are refused, and tokens are used after their end or thrown away before it.",
        "Let NTP set this machine's clock (`timedatectl` shows the state on Linux).",
    ),
    "broker-says": Check(
        "Does the broker say where to sign in, and does it agree with what is known here?",
        "Commands use another provider, client or Keystone than the site's.",
        "Take out of client.toml what differs, and run: p3idp login --again",
    ),
    "issuer-says": Check(
        "Does the provider publish a configuration that p3idp can believe?",
        "Nobody can sign in.",
        "Check the issuer's address, to the letter; show this to the site.",
    ),
    "client-known": Check(
        "Does the provider know our client?",
        "Every sign-in is refused.",
        "Check client_id; the site must register it as a public client.",
    ),
    "keystone-says": Check(
        "Is there a Keystone?", "No project can be reached.", "Check auth_url; it usually ends in /v3."
    ),
    # ---- what is kept
    "cache-directory": Check(
        "Is the directory of sign-ins yours alone, and can it be written to?",
        "Nothing of it is used, and nothing can be kept.",
        "Correct it as the message says, or name another directory in P3IDP_CACHE_DIR.",
    ),
    "cache-files": Check(
        "Are the files there yours alone, and of this version?",
        "What is not right is not used: you sign in again.",
        "Correct or remove the file named.",
    ),
    "cache-room": Check(
        "Is there room on the disk?",
        "A refresh cannot be kept, so none is made (`cache-not-written`).",
        "Make room, or name another directory in P3IDP_CACHE_DIR.",
    ),
    "cache-locks": Check(
        "Is another p3idp at work?",
        "Commands wait for it.",
        "Let it finish; one that waits for a browser nobody looks at can be stopped with Ctrl-C.",
    ),
    "keyring": Check(
        "Is what is kept encrypted, and can it be opened?",
        "The sign-in cannot be read in this session.",
        "Unlock the keyring, or sign in again here: p3idp login",
    ),
    "signed-in": Check("Is somebody signed in?", "Commands ask you to sign in.", "Sign in: p3idp login"),
    "clouds-yaml": Check(
        "Do the entries of clouds.yaml that use p3idp fit?",
        "`openstack --os-cloud NAME` fails.",
        "Correct the entry; see docs/how-to/sign-in-from-the-command-line.md.",
    ),
}


def well(check: str, subject: str, found: str) -> Finding:
    """All is well here."""
    return Finding(check, subject, Status.OK, found)


def odd(check: str, subject: str, found: str, remedy: str = "") -> Finding:
    """This works and could hurt; ``remedy`` where it is known better than in general."""
    words = CHECKS[check]
    return Finding(check, subject, Status.WARN, found, words.means, remedy or words.remedy)


def bad(check: str, subject: str, found: str, remedy: str = "", *, unreachable: bool = False) -> Finding:
    """This is broken."""
    words = CHECKS[check]
    return Finding(check, subject, Status.FAIL, found, words.means, remedy or words.remedy, unreachable)


def unseen(check: str, subject: str, why: str) -> Finding:
    """This could not be looked at."""
    return Finding(check, subject, Status.SKIPPED, why)
