"""The settings file: each mistake names its key and file, secrets come by reference, nothing is echoed."""

from pathlib import Path

import pytest

from p3idp.errors.settings import SecretUnavailable, SettingsInvalid
from p3idp.settings import load_settings
from p3idp.settings.secret_ref import SecretRef

GOOD = """
policy_dir = "policy"
[keystone]
auth_url = "https://keystone.example.org/v3"
username = "p3idp"
password = { env = "KEYSTONE_PASSWORD" }
[providers.egi]
client_id = "p3idp"
client_secret = { file = "secrets/egi" }
"""


@pytest.fixture
def write(tmp_path: Path):
    def writer(text: str) -> str:
        path = tmp_path / "settings.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return writer


def test_relative_paths_belong_to_the_file(write, tmp_path: Path):
    settings = load_settings(write(GOOD))
    assert settings.policy_dir == tmp_path / "policy"
    assert settings.providers["egi"].client_secret.file == tmp_path / "secrets/egi"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(("auth_url", "auth_ulr"), "keystone.auth_ulr: unknown key; did you mean auth_url?", id="typo"),
        pytest.param(
            ("client_id", "cleint_id"), "providers.egi.cleint_id: unknown key; did you mean client_id?", id="id"
        ),
        pytest.param(("[keystone]", "[web]\nlissten = 1\n[keystone]"), "did you mean listen?", id="optional-section"),
        pytest.param(("policy_dir", "policy_directory_of_mine = 1\npolicy_dir"), "_of_mine: unknown key", id="no-idea"),
        pytest.param(("https://", "http://"), "is not https", id="plain-http"),
        pytest.param(
            ('{ env = "KEYSTONE_PASSWORD" }', '"hunter2"'),
            "keystone.password: a secret is given by reference",
            id="secret-in-the-file",
        ),
        pytest.param(
            ("[keystone]", '[store]\nurl = "postgresql://p3idp:hunter2@db/p3idp"\n[keystone]'),
            "store.url: a secret is given by reference",
            id="secret-in-an-address",
        ),
        pytest.param(
            ("[keystone]", '[store]\nurl = "postgresql://db/p3idp?user=p3idp&password=hunter2"\n[keystone]'),
            "store.url: a secret is given by reference",
            id="secret-in-a-query",
        ),
        pytest.param(('{ file = "secrets/egi" }', "{ }"), "by reference", id="empty-reference"),
        pytest.param(('username = "p3idp"\n', ""), "either username and password", id="half-an-account"),
        pytest.param(("[keystone]", "[keystone"), "cannot be read", id="not-toml"),
        pytest.param(("[providers.egi]", "[providers]"), "providers", id="no-provider"),
    ],
)
def test_a_mistake_is_named(write, change: tuple[str, str], said: str):
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(write(GOOD.replace(*change)))
    assert said in caught.value.detail
    assert "settings.toml" in caught.value.detail
    assert "hunter2" not in caught.value.detail + caught.value.hint


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path):
    with pytest.raises(SettingsInvalid, match="There is no settings file"):
        load_settings(str(tmp_path / "nowhere.toml"))


def test_only_a_lab_on_this_machine_may_speak_plain_http(write):
    plain = GOOD.replace("https://keystone.example.org", "http://localhost:5000")
    assert load_settings(write("lab = true\n" + plain)).lab
    for refused in (plain, "lab = true\n" + GOOD.replace("https://", "http://")):
        with pytest.raises(SettingsInvalid, match="is not https"):
            load_settings(write(refused))


def test_a_directory_is_no_settings_file(tmp_path: Path):
    with pytest.raises(SettingsInvalid, match="cannot be read: Is a directory") as caught:
        load_settings(str(tmp_path))
    assert "Errno" not in caught.value.detail


def test_an_unreadable_secret_says_why(tmp_path: Path):
    with pytest.raises(SecretUnavailable, match="No such file or directory"):
        SecretRef(file=tmp_path / "none").resolve()


@pytest.mark.parametrize("section", ["keystone", "providers.egi"])
@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_certificate_file_that_cannot_be_read_is_named(write, tmp_path: Path, section: str, content: str | None):
    if content:
        (tmp_path / "ca.pem").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsInvalid, match=rf"{section}\.ca_file: no certificates can be read"):
        load_settings(write(GOOD.replace(f"[{section}]", f'[{section}]\nca_file = "ca.pem"')))


def test_a_secret_file_open_to_everyone_is_refused(tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text("s3cret")
    path.chmod(0o644)
    with pytest.raises(SecretUnavailable, match="open to everyone") as caught:
        SecretRef(file=path).resolve()
    assert "s3cret" not in str(caught.value)
    path.chmod(0o600)
    assert SecretRef(file=path).resolve().reveal() == "s3cret"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_secret_is_no_secret(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("P3IDP_TEST_SECRET", text)
    with pytest.raises(SecretUnavailable):
        SecretRef(env="P3IDP_TEST_SECRET").resolve()
