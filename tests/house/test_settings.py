"""The settings file: each mistake names its key and file, secrets come by reference, nothing is echoed."""

from pathlib import Path

import pytest

from p3idp.errors.environments import EnvironmentNeeded, EnvironmentUnknown
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
        pytest.param(
            (
                "[providers.egi]",
                '[providers.other]\ncommand_line_client = "cli"\n[providers.egi]\ncommand_line_client = "cli"',
            ),
            "two providers have one command_line_client: cli",
            id="one-client-at-two-providers",
        ),
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


CLOUDS = """
policy_dir = "policy"
[providers.egi]
client_id = "p3idp"
client_secret = { file = "secrets/egi" }
[environments.alt-1.keystone]
auth_url = "https://alt-1.example.org/v3"
username = "p3idp"
password = { env = "ALT_1_PASSWORD" }
[environments.alt-1.providers.egi]
client_id = "p3idp-demo"
client_secret = { file = "secrets/demo" }
[environments.production.keystone]
auth_url = "https://keystone.example.org/v3"
username = "p3idp"
password = { env = "KEYSTONE_PASSWORD" }
"""


def test_an_environment_brings_its_own_sections_and_inherits_the_rest(write, tmp_path: Path):
    alt = load_settings(write(CLOUDS), "alt-1")
    production = load_settings(write(CLOUDS), "production")
    assert (alt.environment, production.environment) == ("alt-1", "production")
    assert (alt.keystone.auth_url, production.keystone.auth_url) == (
        "https://alt-1.example.org/v3",
        "https://keystone.example.org/v3",
    )
    assert (alt.providers["egi"].client_id, production.providers["egi"].client_id) == ("p3idp-demo", "p3idp")
    assert alt.providers["egi"].client_secret.file == tmp_path / "secrets/demo"
    assert alt.policy_dir == production.policy_dir
    assert production.at("alt-1").keystone == alt.keystone


@pytest.mark.parametrize(
    ("given", "variable", "default", "meant"),
    [
        pytest.param("alt-1", "production", "production", "alt-1", id="the-option-first"),
        pytest.param(None, "production", "alt-1", "production", id="then-the-variable"),
        pytest.param(None, "", "alt-1", "alt-1", id="then-the-default"),
        pytest.param(None, "", "", "", id="never-the-first-or-any-other"),
    ],
)
def test_which_environment_is_meant(write, monkeypatch: pytest.MonkeyPatch, given, variable, default, meant):
    monkeypatch.setenv("P3IDP_ENVIRONMENT", variable)
    text = f'default_environment = "{default}"\n{CLOUDS}' if default else CLOUDS
    assert load_settings(write(text), given).environment == meant


def test_without_a_name_nothing_that_needs_a_keystone_works(write):
    settings = load_settings(write(CLOUDS))
    with pytest.raises(EnvironmentNeeded, match=r"there are several: alt-1, production\.") as caught:
        _ = settings.keystone
    assert "--environment" in caught.value.hint
    assert caught.value.exit_status == 2


def test_a_keystone_above_the_environments_is_meant_where_none_is_named(write):
    above = '[keystone]\nauth_url = "https://above.example.org"\nusername = "p3idp"\npassword = { env = "P" }\n'
    settings = load_settings(write(CLOUDS + above))
    assert settings.keystone.auth_url == "https://above.example.org"
    assert load_settings(write(CLOUDS + above), "alt-1").keystone.auth_url == "https://alt-1.example.org/v3"


def test_no_half_of_an_account_comes_from_above(write):
    above = '[keystone]\nauth_url = "https://above.example.org"\nusername = "above"\npassword = { env = "P" }\n'
    half = CLOUDS.replace('password = { env = "ALT_1_PASSWORD" }\n', "")
    with pytest.raises(SettingsInvalid, match=r"environments\.alt-1\.keystone: give either"):
        load_settings(write(half + above), "production")


def test_databases_of_environments_are_not_mistaken_for_one_another(write):
    own = '[environments.alt-1.store]\nurl = "sqlite:///alt-1.sqlite"\n'
    assert load_settings(write(CLOUDS + own), "alt-1").store.url == "sqlite:///alt-1.sqlite"
    assert load_settings(write(CLOUDS + own), "production").store.url == "sqlite:///p3idp.sqlite"
    with pytest.raises(EnvironmentNeeded, match="a database"):
        _ = load_settings(write(CLOUDS + own)).store


KEEPING = CLOUDS + '[offline]\nkey = { file = "offline.key" }\n'


def test_consents_of_one_client_are_not_asked_about_by_another(write):
    with pytest.raises(
        SettingsInvalid, match=r"environments\.production: .* database with alt-1, and its client at egi"
    ):
        load_settings(write(KEEPING))


@pytest.mark.parametrize(
    "apart",
    [
        '[environments.alt-1.store]\nurl = "sqlite:///alt-1.sqlite"\n',
        '[environments.alt-1.offline]\nkey = { file = "alt-1.key" }\n',
        "[environments.alt-1.offline]\n",
    ],
)
def test_consents_that_are_kept_apart_may_be_of_two_clients(write, apart: str):
    load_settings(write(KEEPING + apart))


def test_environments_with_one_client_share_its_consents(write):
    same = KEEPING.replace("p3idp-demo", "p3idp").replace("secrets/demo", "secrets/egi")
    load_settings(write(same))


ALT_ACCOUNT = 'username = "p3idp"\npassword = { env = "ALT_1_PASSWORD" }'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            ("auth_url", "auth_ulr"), "alt-1.keystone.auth_ulr: unknown key; did you mean auth_url?", id="key"
        ),
        pytest.param(
            ("1.providers", "1.provider"), "alt-1.provider: unknown key; did you mean providers?", id="section"
        ),
        pytest.param(
            ("https://alt-1", "http://alt-1"), "alt-1.keystone.auth_url: http://alt-1.example", id="plain-http"
        ),
        pytest.param(
            (ALT_ACCOUNT, f'{ALT_ACCOUNT}\nca_file = "none.pem"'),
            "environments.alt-1.keystone.ca_file: no certificates",
            id="authority",
        ),
        pytest.param(("environments.alt-1.k", 'environments."../x".k'), "environments.../x", id="name"),
        pytest.param(
            ("policy_dir", 'default_environment = "alt-2"\npolicy_dir'),
            "default_environment: there is no [environments.alt-2]",
            id="default",
        ),
    ],
)
def test_a_mistake_in_any_environment_is_named_whichever_is_meant(write, change: tuple[str, str], said: str):
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(write(CLOUDS.replace(*change, 1)), "production")
    assert said in caught.value.detail


def test_an_unknown_environment_is_answered_with_those_there_are(write):
    with pytest.raises(EnvironmentUnknown, match="There is no environment prod in the settings; they name alt-1, prod"):
        load_settings(write(CLOUDS), "prod")
    with pytest.raises(EnvironmentUnknown, match="they name none"):
        load_settings(write(GOOD), "prod")


def test_without_environments_a_keystone_is_required(write):
    with pytest.raises(SettingsInvalid, match=r"keystone: this section is missing"):
        load_settings(write(GOOD.replace("[keystone]", "[web]")))


def test_every_command_that_takes_settings_takes_an_environment_and_heeds_it():
    """`--environment` comes with `--settings`; a command that read the settings past it would act on another cloud."""
    doors = (Path(__file__).parents[2] / "src/p3idp/cli").glob("*.py")
    named = [(file.name, line) for file in doors for line in file.read_text().splitlines() if "load_settings" in line]
    imports = [(name, line) for name, line in named if " import " in line and name != "options.py"]
    assert len(imports) > 10
    assert [(name, line) for name, line in imports if not line.startswith("from p3idp.cli.options import")] == []
