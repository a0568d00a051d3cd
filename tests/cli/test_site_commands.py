"""`p3idp site config` and `p3idp doctor` as people type them: what they print, and how they end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from p3idp.cli.site_report import as_table, to_json
from p3idp.core.site.catalogue import CHECKS
from p3idp.core.site.findings import Report, fail, ok, skipped, warn

PROGRAM = Path(sys.executable).with_name("p3idp")
ROOT = Path(__file__).parents[2]
SETTINGS = """\
policy_dir = "{root}/mappings"
lab = true
[keystone]
auth_url = "https://localhost:1/v3"
username = "admin"
password = {{ file = "secret" }}
[providers.egi]
client_id = "p3idp"
client_secret = {{ file = "secret" }}
keystone_client_id = "keystone"
keystone_client_secret = {{ file = "secret" }}
[site]
tls_cert = "/etc/ssl/a.pem"
tls_key = "/etc/ssl/a.key"
crypto_passphrase = {{ file = "secret" }}
"""


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("long-and-random", encoding="utf-8")
    (tmp_path / "secret").chmod(0o600)
    file = tmp_path / "settings.toml"
    file.write_text(SETTINGS.format(root=ROOT), encoding="utf-8")
    return file


def test_files_for_another_host_are_written_unchecked_and_said_so(settings: Path, tmp_path: Path):
    words = ("--settings", settings, "--out", tmp_path / "out", "--module-version", "2.4.20.3", "--no-check")
    done = run("site", "config", *words)
    assert done.returncode == 0, done.stderr
    assert "Written for mod_auth_openidc 2.4.20.3, not checked:" in done.stdout
    assert (tmp_path / "out" / "apache.conf").exists()


def test_machines_get_json(settings: Path, tmp_path: Path):
    words = ("--settings", settings, "--out", tmp_path / "out", "--module-version", "2.4.16", "--no-check", "--json")
    answer = json.loads(run("site", "config", *words).stdout)
    assert answer["module"] == "2.4.16"
    assert not answer["checked"]
    assert "apache.conf" in answer["files"]


def test_what_apache_refuses_ends_in_its_words_and_writes_nothing(settings: Path, tmp_path: Path):
    done = run("site", "config", "--settings", settings, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "SSLCertificateFile" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_secret_that_could_end_its_line_is_refused_without_being_shown(settings: Path, tmp_path: Path):
    (settings.parent / "secret").write_text('x"\nRequire all granted', encoding="utf-8")
    done = run("site", "config", "--settings", settings, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "Require all granted" not in done.stdout + done.stderr


def test_the_doctor_finds_unreadable_settings_like_anything_else(tmp_path: Path):
    done = run("doctor", "--settings", tmp_path / "none.toml", "--json")
    assert done.returncode == 1
    assert [f["check"] for f in json.loads(done.stdout)["findings"]] == ["settings"]


def test_the_doctor_without_anything_running_ends_unreachable(settings: Path):
    done = run("doctor", "--settings", settings)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert "What to try:" in done.stdout


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"two words"])
def test_a_token_file_without_a_token_is_named(settings: Path, tmp_path: Path, content: bytes | None):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    done = run("doctor", "--settings", settings, "--token-file", tmp_path / "token")
    assert done.returncode == 2
    assert "token-unreadable" in done.stderr
    assert "Traceback" not in done.stderr


REPORT = Report(
    (
        ok("pkce", "egi", "It is on."),
        warn("bypass", "egi", "Open."),
        fail("clock", "k", "9 s."),
        skipped("pkce", "x", "-"),
    )
)


def test_people_read_what_it_means_and_what_to_try_under_what_is_not_well():
    lines = as_table(REPORT).splitlines()
    assert sum("What it means:" in line for line in lines) == 2
    assert CHECKS["clock"].remedy in as_table(REPORT)
    assert lines[-1] == "4 checks: 1 ok, 1 warn, 1 fail, 1 skipped."


def test_what_a_server_says_does_not_steer_the_terminal():
    shown = as_table(Report((ok("idp-issuers", "egi", "Keystone accepts x\x1b[2J\x9b2J.\nAnd y."),)))
    assert "\x1b[2J" not in shown
    assert "\x9b" not in shown
    assert "\nAnd y." in shown


def test_json_is_the_same_twice_and_counts():
    assert to_json(REPORT) == to_json(REPORT)
    assert json.loads(to_json(REPORT))["summary"] == {"fail": 1, "ok": 1, "skipped": 1, "warn": 1}


def test_every_check_stands_in_the_guide_with_its_words():
    page = (ROOT / "docs" / "how-to" / "configure-keystone.md").read_text(encoding="utf-8")
    for name, check in CHECKS.items():
        assert f"| `{name}` | {check.asks} | {check.means} | {check.remedy} |" in page
