"""Type a command of p3idp in the test's own process: starting Python takes longer than most commands."""

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from p3idp.cli.main import run


def typed(settings: Path, *words: str, status: int = 0) -> tuple[str, str]:
    """What a command said on standard output and on standard error; it must end with this status."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as typing, redirect_stdout(out), redirect_stderr(err):
        typing.setattr("sys.argv", ["p3idp", *words, "--settings", str(settings)])
        with pytest.raises(SystemExit) as ended:
            run()
    assert int(ended.value.code or 0) == status, out.getvalue() + err.getvalue()
    return out.getvalue(), err.getvalue()
