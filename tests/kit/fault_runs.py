"""The runs of the faults table: a process killed at a write, and each way in which Keystone can fail a run.

Every run ends in the same way: the same command again, after which all must be as the policy says, and told truly.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from threading import Event

import httpx
from fault_site import NEW, OLD, Access, FaultSite
from keystone_proxy import Call, Choose, Harm, KeystoneProxy

from p3idp import wiring
from p3idp.adapters.policy_files import load_policy
from p3idp.core.access.desired import desired_state
from p3idp.core.access.people.cloud import after
from p3idp.core.access.plan import Change, diff
from p3idp.core.access.resources import Kind
from p3idp.lab.handle import LabHandle

FIRST, CHANGE = "a first apply", "a change of much at once"


@dataclass(frozen=True)
class Row:
    """One run of the table. ``wrong``: all that was not as it has to be; empty where it is well."""

    what: str
    ended: str
    wrong: tuple[str, ...] = ()


@dataclass
class Faults:
    """Makes sites in one lab behind one proxy. ``in_process``: no process of their own for what is not killed."""

    lab: LabHandle
    proxy: KeystoneProxy
    directory: Path
    in_process: bool = False
    standing: FaultSite | None = None

    def site(self, move: str = CHANGE) -> FaultSite:
        """A site before this move. For a change it is always the same one, which goes to and fro."""
        self.proxy.begin()
        if move == FIRST:
            return self._new()
        if self.standing is None:
            self.standing = self._new()
            done = self.standing.apply()
            assert done.status == 0, done.told
        self.standing.choose(OLD if self.standing.chosen is NEW else NEW)
        self.proxy.begin()
        return self.standing

    def _new(self) -> FaultSite:
        root = self.directory / str(len(list(self.directory.iterdir())))
        root.mkdir()
        return FaultSite(self.lab, self.proxy, root, self.in_process)

    def writes(self, move: str) -> int:
        """How many writes a move is; it is made."""
        done = self.site(move).apply()
        assert done.status == 0, done.told
        return len(self.proxy.writes)

    def killed(self, move: str, number: int, *, acted: bool) -> Row | None:
        """kill -9 at one write, before Keystone gets it or after it acted. None where the move has no such write."""
        site = self.site(move)
        old, new = _both(site)
        process = site.start("apply", "--yes", *site.accepting)
        before, kill = Harm(passed=False, drop=True, before=lambda: _kill(process)), None
        kill = Harm(after=lambda: _kill(process), drop=True) if acted else before
        self.proxy.begin(lambda call: kill if call.number == number else Harm())
        process.communicate(timeout=120)
        if process.returncode == 0:
            return None
        call = self.proxy.writes[number]
        wrong = [] if process.returncode == -9 else [f"it was not killed, and ended with {process.returncode}"]
        wrong += [f"half-way {who} has {right}" for who, right in site.more_than(old, new)]
        wrong += self._again(site)
        what = f"killed {'after' if acted else 'before'} write {number + 1:>2}: {call.method} {call.path.split('/')[2]}"
        return Row(f"{move}, {what}", "NOT repaired" if wrong else "repaired", tuple(wrong))

    def faulty(self, what: str) -> Row:
        """One way in which Keystone, or the world, fails a run."""
        fault = FAULTS[what]
        site = self.site(fault.move)
        old, new = _both(site)
        site.set("timeout_seconds = 1" if fault.slow else "")
        ended, told = fault.run(self, site)
        site.set()
        wrong = [] if ended == fault.status else [f"it ended with {ended} instead of {fault.status}: {told[-300:]}"]
        wrong += [f"it does not say {word!r}: {told[-300:]}" for word in fault.says if word not in told]
        if not fault.moves:
            wrong += [f"half-way {who} has {right}" for who, right in site.more_than(old, new)]
        wrong += self._again(site)
        return Row(what, f"status {ended}, then repaired" if ended else "got through", tuple(wrong))

    def _again(self, site: FaultSite) -> list[str]:
        self.proxy.begin()
        done = site.apply()
        if done.status != 0:
            return [f"the next run ended with {done.status}: {done.told[-300:]}"]
        return list(site.wrong())


def _kill(process: Popen[str]) -> None:
    process.kill()
    process.wait()


def _both(site: FaultSite) -> tuple[Access, Access]:
    """What everybody has now, and by the policy that is chosen."""
    there, policy = site.read(), load_policy(site.root / "policy", lab=True)
    wanted = after(there, diff(desired_state(policy, wiring.now()), there))
    return site.access(there), site.access(wanted)


Run = Callable[[Faults, FaultSite], tuple[int, str]]


@dataclass(frozen=True)
class Fault:
    """One fault: what is done, the status with which the command ends, and what it says then.

    ``slow``: with a time limit of a second; ``moves``: policy or Keystone change besides.
    """

    run: Run
    status: int = 0
    says: tuple[str, ...] = ()
    move: str = CHANGE
    slow: bool = False
    moves: bool = False


def _with(choose: Callable[[KeystoneProxy], Choose]) -> Run:
    """The command, with harm to the calls that are chosen."""

    def run(faults: Faults, site: FaultSite) -> tuple[int, str]:
        faults.proxy.begin(choose(faults.proxy))
        ended = site.apply()
        return ended.status, ended.told

    return run


def _calls(chosen: Callable[[Call], bool], harm: Harm, times: int = 10**6) -> Run:
    """Harm to so many of these calls."""

    def choose(proxy: KeystoneProxy) -> Choose:
        left = [times]

        def one(call: Call) -> Harm:
            if left[0] == 0 or not chosen(call):
                return Harm()
            left[0] -= 1
            return harm

        return one

    return _with(choose)


def _writes_from(number: int, harm: Harm, times: int = 10**6) -> Run:
    return _calls(lambda call: call.number >= number, harm, times)


def _gone_from(number: int) -> Run:
    """No call gets through once so many writes were made."""
    gone = Harm(passed=False, drop=True)
    return _with(lambda proxy: lambda call: gone if len(proxy.writes) > number else Harm())


def _revoked(faults: Faults, site: FaultSite) -> tuple[int, str]:
    """p3idp's own token is revoked in the middle, for real."""
    done: list[str] = []

    def choose(call: Call) -> Harm:
        if call.number >= 2 and not done:
            done.append(call.token)
            _revoke(faults.lab, call.token)
        return Harm()

    faults.proxy.begin(choose)
    ended = site.apply()
    return ended.status, f"{ended.told} revoked {len(done)}"


def _revoke(lab: LabHandle, token: str) -> None:
    """Tell Keystone, past the proxy, that a token is no longer one."""
    with httpx.Client(verify=lab.tls, trust_env=False) as client:
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        client.delete(f"{lab.settings.keystone.auth_url}/auth/tokens", headers=headers).raise_for_status()


def _two_at_once(faults: Faults, site: FaultSite) -> tuple[int, str]:
    """The second comes while the first waits in its first write; the first one then ends well."""
    at_work, go_on = Event(), Event()

    def wait() -> None:
        at_work.set()
        go_on.wait(60)

    faults.proxy.begin(lambda call: Harm(before=wait) if call.number == 0 else Harm())
    first = site.start("apply", "--yes", *site.accepting)
    at_work.wait(60)
    writes = len(faults.proxy.writes)
    second = site.apply()
    meanwhile = len(faults.proxy.writes) - writes
    go_on.set()
    first.communicate(timeout=120)
    return second.status, f"{second.told} first ended {first.returncode}, second wrote {min(meanwhile, 1)}"


def _both_moved(faults: Faults, site: FaultSite) -> tuple[int, str]:
    """Policy and Keystone both change between plan and apply: the digest is that of neither."""
    digest = json.loads(site.run("plan", "--json").out)["digest"]
    text = (site.root / "policy/communities/vo.access.yaml").read_text(encoding="utf-8")
    site.files.write("communities/vo.access.yaml", re.sub(r"\[(member|reader)\]", "[member, reader]", text))
    past = site.past_proxy
    there = past.reader.read(site.name).of(Kind.ROLE_ASSIGNMENT)
    past.writer.write(Change(there[min(there)], None))
    faults.proxy.begin()
    ended = site.run("apply", "--digest", digest, *site.accepting)
    return ended.status, f"{ended.told} wrote {len(faults.proxy.writes)}"


def _back(faults: Faults, site: FaultSite) -> tuple[int, str]:
    """Keystone goes away half-way; then the way back that the message names."""
    old = site.access()
    status, told = _gone_from(4)(faults, site)
    faults.proxy.begin()
    command = re.search(r"`p3idp (rollback \d+ --before)`", told)
    went = site.run(*(command[1] if command else "nothing").split(), "--yes", *site.accepting)
    return status, f"{told} way back {went.status}, old state {site.access() == old} {went.told[-200:]}"


HALF = ("goes on from here", "--before")
_DROPPED = Harm(drop=True)
_LATE = Harm(after=lambda: time.sleep(1.2), drop=True)
FAULTS: dict[str, Fault] = {
    "Keystone is down": Fault(_gone_from(-1), 5),
    "Keystone goes away after four writes": Fault(_gone_from(4), 5, HALF),
    "Keystone goes away, and the way back is chosen": Fault(_back, 5, ("way back 0", "old state True")),
    "500 after it acted, at the first project": Fault(_writes_from(2, Harm(status=500), 1), move=FIRST),
    "500 after it acted, as often as it is asked": Fault(_writes_from(2, Harm(status=500), 4)),
    "slower than the time limit, after it acted": Fault(_writes_from(3, _LATE, 1), slow=True),
    "silent from a write on": Fault(_writes_from(3, replace(_LATE, passed=False)), 5, HALF, slow=True),
    "the connection breaks after it acted": Fault(_writes_from(3, _DROPPED, 1)),
    "429, once": Fault(_writes_from(3, Harm(passed=False, status=429), 1)),
    "503 of the proxy in front, twice": Fault(_writes_from(3, Harm(passed=False, status=503), 2)),
    "401 in the middle: the token was revoked": Fault(_revoked, says=("revoked 1",)),
    "401 for good: the account was disabled": Fault(
        _with(
            lambda proxy: lambda call: Harm(passed=False, status=401) if len(proxy.writes) > 2 else Harm(),
        ),
        4,
        HALF,
    ),
    "403 in the middle": Fault(_writes_from(3, Harm(passed=False, status=403)), 4, HALF),
    "half of an answer where it is read back": Fault(
        _with(lambda proxy: lambda call: Harm(cut=True) if proxy.writes and call.method == "GET" else Harm()), 5, HALF
    ),
    "two applies at once": Fault(_two_at_once, 4, ("apply-running", "first ended 0", "second wrote 0")),
    "policy and Keystone change after the plan": Fault(_both_moved, 4, ("plan-stale", "wrote 0"), moves=True),
}
