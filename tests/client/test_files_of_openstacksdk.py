"""clouds.yaml and secure.yaml are found where openstacksdk finds them, and replaced whole or not at all."""

import importlib.util
import os
import runpy
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from p3idp.client.clouds_yaml import with_entry
from p3idp.client.openstack_files import CLOUDS, SECURE, file_in_use, hidden_by, read_text, refuse_open, replace_text
from p3idp.errors.clouds_yaml import CloudsFileInvalid, CloudsFileNotWritten, SecretFileOpen


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a home, somewhere in it."""
    here = tmp_path / "work"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_file_is_the_one_that_openstacksdk_reads(user: Path, monkeypatch: pytest.MonkeyPatch):
    """Its own list of places, one after the other: the last is there first."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user / "elsewhere"))
    loader = importlib.util.find_spec("openstack.config.loader")
    assert loader is not None
    places = runpy.run_path(str(loader.origin))
    for kind, listed in ((CLOUDS, places["CONFIG_FILES"]), (SECURE, places["SECURE_FILES"])):
        assert file_in_use(kind) == user / f"elsewhere/openstack/{kind}.yaml"
        mine = [Path(each) for each in listed if Path(each).is_relative_to(user)]
        assert len(mine) == 9
        for each in reversed(mine):
            each.parent.mkdir(parents=True, exist_ok=True)
            each.touch()
            assert file_in_use(kind) == each
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(user / "named"))
    assert file_in_use(CLOUDS) == user / "named"


def test_a_new_file_that_hides_the_machines_is_known(user: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(user / "machine"))
    file = file_in_use(CLOUDS)
    assert hidden_by(file, CLOUDS) == (Path("/etc/openstack/clouds.yaml") if Path("/etc/openstack").exists() else None)
    theirs = user / "machine/openstack/clouds.yaml"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    assert hidden_by(file, CLOUDS) == theirs
    file.parent.mkdir(parents=True)
    file.touch()
    assert hidden_by(file, CLOUDS) is None


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_new_file_is_its_owners_alone(user: Path):
    file = user / "new/dir/clouds.yaml"
    before = os.umask(0)
    try:
        replace_text(file, None, "a: 1\n")
    finally:
        os.umask(before)
    assert (file.read_text(), mode(file)) == ("a: 1\n", 0o600)


def test_rights_stay_and_a_link_is_followed(user: Path):
    real, link = user / "dotfiles/clouds.yaml", user / "clouds.yaml"
    real.parent.mkdir()
    real.write_text("a: 1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_text(link, "a: 1\n", "a: 2\n")
    assert link.is_symlink()
    assert (real.read_text(), mode(real), list(real.parent.iterdir())) == ("a: 2\n", 0o640, [real])


def test_a_write_protected_file_stays(user: Path):
    file = user / "clouds.yaml"
    file.write_text("a: 1\n")
    file.chmod(0o444)
    with pytest.raises(CloudsFileNotWritten, match="write-protected"):
        replace_text(file, "a: 1\n", "a: 2\n")
    assert file.read_text() == "a: 1\n"


def test_what_somebody_wrote_meanwhile_stays(user: Path):
    file = user / "clouds.yaml"
    file.write_text("theirs\n")
    with pytest.raises(CloudsFileNotWritten, match="meanwhile"):
        replace_text(file, "a: 1\n", "a: 2\n")
    with pytest.raises(CloudsFileNotWritten, match="meanwhile"):
        replace_text(file, "a: 1\n", None)  # what was written is taken back
    assert [each.read_text() for each in user.glob("*.yaml")] == ["theirs\n"]
    assert not list(user.glob(".clouds*"))


FULL = """
import resource, signal, sys
from pathlib import Path
from p3idp.client.openstack_files import replace_text
from p3idp.errors.clouds_yaml import CloudsFileNotWritten
file = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))
try:
    replace_text(file, file.read_text(), "x" * 17)
except CloudsFileNotWritten as full:
    print(full.code, file.read_text(), len(list(file.parent.iterdir())))
"""


def test_a_full_disk_loses_nothing(user: Path):
    file = user / "d/clouds.yaml"
    file.parent.mkdir()
    file.write_text("a: 1")
    done = subprocess.run([sys.executable, "-c", FULL, str(file)], capture_output=True, text=True)
    assert done.stdout == "clouds-file-not-written a: 1 1\n", done.stderr


def test_a_directory_that_takes_no_file_is_said(user: Path):
    (user / "file").touch()
    with pytest.raises(CloudsFileNotWritten):
        replace_text(user / "file/clouds.yaml", None, "a: 1\n")


def test_what_is_no_text_is_not_read(user: Path):
    (user / "bytes").write_bytes(b"\xff\xfe")
    (user / "large").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    for name in ("bytes", "large", "work"):
        with pytest.raises(CloudsFileInvalid):
            read_text(user / name)
    assert read_text(user / "none") is None


def test_a_file_for_a_secret_is_not_open_to_others(user: Path):
    file = user / "secure.yaml"
    refuse_open(file)
    file.touch(0o600)
    refuse_open(file)
    for rights in (0o640, 0o604, 0o620):
        file.chmod(rights)
        with pytest.raises(SecretFileOpen) as refused:
            refuse_open(file)
        assert refused.value.hint == f"chmod 600 {file}"


def test_line_ends_reach_the_disk_as_they_were(user: Path):
    file = user / "clouds.yaml"
    file.write_bytes(b"clouds:\r\n  a: {}\r\n")
    edit = with_entry(read_text(file), "b", {"auth": {}}, "f")
    replace_text(file, edit.before, edit.after)
    assert file.read_bytes() == b"clouds:\r\n  a: {}\r\n  b:\r\n    auth: {}\r\n"
