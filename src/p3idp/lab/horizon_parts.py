"""What Horizon needs on this machine before it can start: its virtual environment, and its static files, made once.

Owns both places; running Horizon is servers/horizon.py.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from p3idp.errors.lab import ServerFailed
from p3idp.lab.layout import CACHE, CHECKOUT, alone
from p3idp.lab.own_environment import OwnEnvironment

_ENVIRONMENT = OwnEnvironment("horizon", "about a minute, 380 MB")
VENV = _ENVIRONMENT.home
_SETTINGS = CHECKOUT / "deploy" / "lab" / "horizon" / "local" / "local_settings.py"


def is_installed() -> bool:
    """Whether the environment is there, whole, and the one that the lock file describes."""
    return _ENVIRONMENT.is_installed()


def install(say: Callable[[str], None]) -> None:
    """Install Horizon where it is not yet, telling the progress. Raises PartMissing with the end of pip's words."""
    _ENVIRONMENT.install(say)


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


def _end(text: str) -> str:
    return "\n".join(text.splitlines()[-15:])
