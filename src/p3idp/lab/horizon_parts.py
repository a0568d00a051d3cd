"""What Horizon needs on this machine before it can start: its virtual environment, and its static files, made once.

Owns both places; running Horizon is servers/horizon.py.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from p3idp.errors.lab import PartMissing, ServerFailed
from p3idp.lab.layout import CACHE, CHECKOUT, alone

VENV = CHECKOUT / ".venvs" / "horizon"
_LOCK = CHECKOUT / "deploy" / "lock" / "horizon.txt"
_SETTINGS = CHECKOUT / "deploy" / "lab" / "horizon" / "local" / "local_settings.py"
# Written last into the environment: the digest of the lock file that it was installed from.
_DONE = VENV / "installed-from"
_EVERY = 20


def is_installed() -> bool:
    """Whether the environment is there, whole, and the one that the lock file describes."""
    return _DONE.exists() and _DONE.read_text(encoding="ascii") == _lock_digest()


def install(say: Callable[[str], None]) -> None:
    """Install Horizon where it is not yet, telling the progress. Raises PartMissing with the end of pip's words."""
    with alone(CACHE / "horizon-install.lock"):
        if is_installed():
            return
        wanted = sum("==" in line for line in _LOCK.read_text(encoding="utf-8").splitlines())
        say(f"horizon: installing {wanted} packages into {VENV} (about a minute, 380 MB, once)")
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True, stdin=subprocess.DEVNULL)
        _pip_install(say, wanted)
        _DONE.write_text(_lock_digest(), encoding="ascii")
        say("horizon: installed")


def static_root() -> Path:
    """Where the static files of this version and these settings are, or will be."""
    found = sorted(VENV.glob("lib/python*/site-packages/horizon-*.dist-info"))
    version = found[-1].name.removesuffix(".dist-info") if found else "horizon-none"
    return CACHE / f"{version}-static-{sha256(_SETTINGS.read_bytes()).hexdigest()[:12]}"


def collect_static(environment: Mapping[str, str]) -> None:
    """Collect and compress the static files unless that is done. ``environment`` finds the settings."""
    ready = static_root()
    with alone(CACHE / "horizon-static.lock"):
        if ready.exists():
            return
        scratch = ready.with_suffix(".new")
        shutil.rmtree(scratch, ignore_errors=True)
        inside = {
            **environment,
            "LAB_HORIZON_STATIC": str(scratch),
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
        }
        _django(inside, "collectstatic", "--noinput")
        _django(inside, "compress", "--force")
        scratch.rename(ready)


def _django(environment: Mapping[str, str], *command: str) -> None:
    done = subprocess.run(
        [str(VENV / "bin" / "python"), "-m", "django", *command],
        # A directory named `local` in the current one would be taken for the settings.
        cwd=environment["LAB_HORIZON_STATE"], env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ServerFailed(f"Horizon's {command[0]} failed:\n{_end(done.stderr)}", hint="The lines above are its own.")


def _pip_install(say: Callable[[str], None], wanted: int) -> None:
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    install = [*pip, "install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--progress-bar", "off"]
    lines: list[str] = []
    with subprocess.Popen(
        [*install, "-r", str(_LOCK)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None  # asked for a pipe
        for line in process.stdout:
            lines.append(line)
            collected = sum(known.startswith("Collecting ") for known in lines)
            if line.startswith("Collecting ") and collected % _EVERY == 0:
                say(f"horizon: {collected} of {wanted} packages")
            elif line.startswith("Installing "):
                say("horizon: unpacking")
    if process.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise PartMissing(
            f"Horizon could not be installed. The end of what pip says:\n{_end(''.join(lines))}",
            hint="It needs a package index and 400 MB of disk. Without Horizon: `p3idp lab up`.",
        )


def _lock_digest() -> str:
    return sha256(_LOCK.read_bytes()).hexdigest()


def _end(text: str) -> str:
    return "\n".join(text.splitlines()[-15:])
