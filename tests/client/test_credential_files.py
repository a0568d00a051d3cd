"""The secret of a new application credential has its place before it is made, and is in both files or in neither."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from p3idp.cli.own_credentials_text import export_lines
from p3idp.client.credential_files import CloudFiles, NewFile
from p3idp.client.credential_values import MadeCredential, OwnCredential
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError

END = datetime(2026, 12, 22, tzinfo=UTC)
MADE = MadeCredential(
    OwnCredential("c1", "ci", "p1", ("reader",), END, False, (), ""), Secret("s1"), "p3@egi", "https://k.test/v3"
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "config/openstack"
    place.mkdir(parents=True)
    return place


def test_the_secret_is_apart_from_the_rest(config: Path):
    CloudFiles("ci").keep(MADE, "/ca.pem")
    read = {name: yaml.safe_load((config / f"{name}.yaml").read_text()) for name in ("clouds", "secure")}
    auth = {"auth_url": "https://k.test/v3", "application_credential_id": "c1"}
    assert read["clouds"] == {
        "clouds": {"ci": {"auth_type": "v3applicationcredential", "auth": auth, "cacert": "/ca.pem"}}
    }
    assert read["secure"] == {"clouds": {"ci": {"auth": {"application_credential_secret": "s1"}}}}
    assert [stat.S_IMODE(file.stat().st_mode) for file in config.iterdir()] == [0o600, 0o600]


def test_where_one_file_fails_the_other_is_as_it_was(config: Path):
    theirs = "# mine\nclouds: {}\n"
    clouds, secure = config / "clouds.yaml", config / "secure.yaml"
    clouds.write_text(theirs)
    files = CloudFiles("ci")
    clouds.chmod(0o444)
    with pytest.raises(P3idpError, match="write-protected"):
        files.keep(MADE, "")
    assert (clouds.read_text(), secure.exists()) == (theirs, False)
    secure.write_text("clouds:\n  other: {auth: {password: x}} # theirs\n")
    secure.chmod(0o600)
    before = secure.read_text()
    with pytest.raises(P3idpError, match="write-protected"):
        CloudFiles("ci").keep(MADE, "")
    assert secure.read_text() == before


@pytest.mark.parametrize("kind", ["clouds", "secure"])
@pytest.mark.parametrize(
    ("text", "code"),
    [("clouds:\n  ci: {auth: {}}\n", "clouds-entry-taken"), ("clouds: [", "clouds-file-invalid"),
     ("clouds: {a: {}}", "clouds-file-invalid")],
    ids=["taken", "no YAML", "braces"],
)  # fmt: skip
def test_what_would_fail_later_fails_before(config: Path, kind: str, text: str, code: str):
    file = config / f"{kind}.yaml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(P3idpError) as refused:
        CloudFiles("ci")
    assert refused.value.code == code


def test_a_new_file_is_private_from_its_first_byte(tmp_path: Path):
    file, umask = tmp_path / "openrc", os.umask(0)
    try:
        with NewFile(file, export_lines) as place:
            assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_size) == (0o600, 0)
            place.keep(MADE, "")
    finally:
        os.umask(umask)
    assert "export OS_APPLICATION_CREDENTIAL_SECRET=s1\n" in file.read_text()


def test_a_new_file_goes_again_where_nothing_was_made(tmp_path: Path):
    file = tmp_path / "openrc"

    def fail() -> None:
        with NewFile(file, export_lines):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not file.exists()


def test_a_file_that_is_there_is_left_alone(tmp_path: Path):
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("theirs", "link", "none/file"):
        with pytest.raises(P3idpError), NewFile(tmp_path / name, export_lines):
            pass
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert not (tmp_path / "nowhere").exists()
