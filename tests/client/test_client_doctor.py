"""`p3idp doctor` on a researcher's machine: each check turns where what it looks at is broken, and says what to try."""

import json
import os
import socket
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import keyring
import pytest
import trustme
from cryptography.fernet import Fernet
from filelock import FileLock
from researcher import Done, Home
from small_site import AUTHORITY, SmallServer, SmallSite

from p3idp.client.cache.files import PrivateFiles
from p3idp.client.clouds import Clouds
from p3idp.client.doctor.clouds_yaml import examine_clouds_yaml
from p3idp.client.doctor.machine import examine_machine
from p3idp.client.doctor.servers import shown
from p3idp.client.doctor.words import CHECKS
from p3idp.core.site.findings import Finding

Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the machine that the tests run on counts."""
    for name in list(os.environ):
        if name.startswith(("OS_", "P3IDP_SETTINGS")) or name.endswith(("_CA_BUNDLE", "SSL_CERT_FILE", "_PROXY")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def found(p3idp: Command, *words: str) -> tuple[int, list[dict[str, Any]]]:
    done = p3idp("doctor", "--client", *words, "--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)["findings"]


def of(findings: list[dict[str, Any]], check: str) -> list[str]:
    return [finding["status"] for finding in findings if finding["check"] == check]


def test_all_is_well_where_somebody_works(mary: Command, small: SmallSite):
    status, findings = found(mary)
    assert status == 0
    assert [each for each in findings if each["status"] in ("warn", "fail")] == []
    assert {each["check"] for each in findings} >= {
        "versions", "plugin", "configuration", "ca-file", "reachable", "certificate", "clock", "broker-says",
        "issuer-says", "client-known", "keystone-says", "cache-directory", "cache-files", "cache-room", "cache-locks",
        "keyring", "signed-in",
    }  # fmt: skip
    assert of(findings, "reachable") == ["ok"] * 3
    lines = mary("doctor", "--client").stdout.splitlines()
    assert [line for line in lines if line.startswith("ok") and "broker" in line and "answers in" in line]


def test_it_changes_nothing_and_tells_no_token(mary: Command, small: SmallSite, home: Home):
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in home.cache.glob("*.json")}
    tokens = list(small.issued)
    servers = (small.provider, small.broker, small.keystone)
    for server in servers:
        server.asked.clear()
    said = mary("doctor", "--client").stdout + mary("doctor", "--client", "--json").stdout
    assert [token for token in tokens if token in said] == []
    everything = [asked for server in (small.provider, small.broker, small.keystone) for asked in server.asked[-20:]]
    told = json.dumps(
        [[asked.form, asked.headers, asked.query] for asked in everything if asked in small.provider.asked]
    )
    assert [token for token in tokens if token in told] == []
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in home.cache.glob("*.json")} == before


def test_before_the_first_sign_in_a_broker_can_be_looked_at(p3idp: Command, small: SmallSite, home: Home):
    status, findings = found(p3idp, f"--broker={small.broker.url}", f"--ca-file={small.ca_file}")
    assert (status, of(findings, "client-known"), of(findings, "signed-in")) == (0, ["ok"], ["warn"])
    assert not home.cache.exists()


def test_a_machine_that_knows_nothing_says_how_to_begin(p3idp: Command):
    status, findings = found(p3idp)
    assert (status, of(findings, "cloud")) == (0, ["warn"])
    assert "p3idp login --broker" in next(each["remedy"] for each in findings if each["check"] == "cloud")


# ---- servers ----


def expired(site: SmallSite, days: float) -> None:
    """The provider comes back with a certificate that ends so many days from now."""
    port = site.provider.port
    site.provider.stop()
    site.provider = fresh = SmallServer(port=port, answer=site._provider)
    fresh.start(AUTHORITY.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=days)))


def another_authority(site: SmallSite) -> None:
    site.ca_file.write_bytes(trustme.CA().cert_pem.bytes())


def another_name(site: SmallSite) -> None:
    port = site.provider.port
    site.provider.stop()
    site.provider = fresh = SmallServer(port=port, answer=site._provider)
    fresh.start(AUTHORITY.issue_cert("elsewhere.test"))


def no_tls(site: SmallSite) -> None:
    port = site.keystone.port
    site.keystone.stop()
    plain = socket.create_server(("127.0.0.1", port))
    plain.settimeout(5)
    site.keystone.stop = plain.close  # type: ignore[method-assign]  # it stands in for the server

    def talk() -> None:
        other, _ = plain.accept()
        with other:
            other.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    from threading import Thread

    Thread(target=talk, daemon=True).start()


def skewed(site: SmallSite, days: float) -> None:
    for server in (site.broker, site.provider, site.keystone):
        server.skew = timedelta(days=days)


def renamed(site: SmallSite) -> None:
    usual = site.broker.answer

    def answer(asked: Any) -> Any:
        status, headers, body = usual(asked)
        return status, headers, {**body, "openstack_auth_url": "https://other.test/v3"}  # type: ignore[dict-item]

    site.broker.answer = answer


def misnamed(site: SmallSite) -> None:
    site.provider.answer = lambda _: (200, {}, {"issuer": "https://other.test"})


BROKEN = {
    "broker down": (lambda site: site.broker.stop(), 5, "reachable", "fail", "cannot be reached"),
    "provider down": (lambda site: site.provider.stop(), 5, "reachable", "fail", "cannot be reached"),
    "Keystone down": (lambda site: site.keystone.stop(), 5, "reachable", "fail", "cannot be reached"),
    "provider silent": (lambda site: setattr(site.provider, "silent", True), 5, "reachable", "fail", "within"),
    "Keystone speaks something else": (no_tls, 5, "reachable", "fail", "speaks no HTTPS"),
    "certificate over": (lambda site: expired(site, -1), 1, "certificate", "fail", "is over"),
    "certificate ends soon": (lambda site: expired(site, 3), 0, "certificate", "warn", "It ends at"),
    "another authority": (another_authority, 1, "certificate", "fail", "authority"),
    "another name": (another_name, 1, "certificate", "fail", "another name"),
    "no CA file": (lambda site: site.ca_file.unlink(), 1, "ca-file", "fail", "cannot be read"),
    "CA file of something else": (lambda site: site.ca_file.write_text("x"), 1, "ca-file", "fail", "no CA cert"),
    "clock a day behind": (lambda site: skewed(site, 1), 1, "clock", "fail", "24.0 h behind"),
    "clock a day ahead": (lambda site: skewed(site, -1), 1, "clock", "fail", "24.0 h ahead"),
    "broker broken": (lambda site: setattr(site.broker, "status", 500), 5, "broker-says", "fail", "500"),
    "broker is none": (lambda site: setattr(site.broker, "raw", b"<html>"), 5, "broker-says", "fail", "JSON"),
    "broker says nothing": (lambda site: setattr(site.broker, "status", 404), 0, "broker-says", "warn", "nothing"),
    "broker names another Keystone": (renamed, 0, "broker-says", "warn", "auth_url"),
    "provider of another name": (misnamed, 1, "issuer-says", "fail", "another issuer"),
    "client unknown": (lambda site: setattr(site, "client", "other"), 1, "client-known", "fail", "invalid_client"),
    "Keystone is none": (lambda site: setattr(site.keystone, "raw", b"{}"), 1, "keystone-says", "fail", "Identity"),
    "Keystone broken": (lambda site: setattr(site.keystone, "status", 503), 5, "keystone-says", "fail", "503"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_out_there_is_named(mary: Command, small: SmallSite, name: str, monkeypatch: pytest.MonkeyPatch):
    spoil, ends, check, verdict, says = BROKEN[name]
    monkeypatch.setattr("p3idp.client.doctor.servers._SECONDS", 0.4)
    monkeypatch.setattr("p3idp.client.http._TIMEOUTS", (1, 0.4))
    spoil(small)
    status, findings = found(mary)
    hit = [each for each in findings if each["check"] == check and each["status"] == verdict]
    assert hit, findings
    assert says in hit[0]["found"], hit
    assert hit[0]["remedy"]
    assert status == ends


def test_a_certificate_that_is_over_and_a_wrong_clock_are_told_apart(mary: Command, small: SmallSite):
    expired(small, -1)
    small.provider.skew = timedelta(days=-400)  # the server thinks that its certificate is good
    _, findings = found(mary)
    provider = [each for each in findings if each["subject"] == f"provider {small.issuer}"]
    assert [(each["check"], each["status"]) for each in provider] == [
        ("reachable", "ok"), ("certificate", "fail"), ("clock", "fail")
    ]  # fmt: skip


def test_a_bundle_of_other_programs_that_would_do_is_named_and_not_used(
    p3idp: Command, small: SmallSite, monkeypatch: pytest.MonkeyPatch
):
    def certificate() -> tuple[str, str]:
        findings = found(p3idp, f"--broker={small.broker.url}")[1]
        (hit,) = [each for each in findings if each["check"] == "certificate"]
        return hit["status"], hit["remedy"]

    assert "--ca-file" in certificate()[1]
    assert str(small.ca_file) not in certificate()[1]
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(small.ca_file))
    assert certificate() == ("fail", f"If you trust it, {small.ca_file} knows its authority: --ca-file {small.ca_file}")


def test_an_address_without_tls_is_not_asked(p3idp: Command, small: SmallSite):
    status, findings = found(p3idp, "--broker=http://localhost:1")
    assert (status, of(findings, "configuration"), of(findings, "reachable")) == (1, ["fail"], [])


def test_a_service_account_is_another_client_and_never_signs_in(p3idp: Command, small: SmallSite, home: Home):
    secret = home.config.with_name("secret")
    home.config.write_text(
        f'[clouds.robot]\nbroker = "{small.broker.url}"\nca_file = "{small.ca_file}"\n'
        f'client_id = "robot"\nclient_secret_file = "{secret}"\n'
    )
    _, findings = found(p3idp, "--cloud=robot")
    assert of(findings, "signed-in") == ["fail"]  # there is no such file
    secret.write_text("s3cret")
    secret.chmod(0o600)
    _, findings = found(p3idp, "--cloud=robot")
    assert (of(findings, "signed-in"), of(findings, "broker-says")) == (["ok"], ["ok"])


# ---- what is kept ----


def identity(cache: Path) -> Path:
    (file,) = cache.glob("identity-*.json")
    return file


def other_form(cache: Path) -> None:
    file = identity(cache)
    file.write_text(file.read_text().replace('"form": 1', '"form": 9'))


def sealed(cache: Path) -> None:
    body = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    identity(cache).write_text(json.dumps({"form": 1, "seal": "keyring", "body": body}))


KEPT = {
    "directory open": (lambda cache: cache.chmod(0o777), 1, "cache-directory", "fail", "chmod 700"),
    "directory a link": (lambda cache: cache.rename(f"{cache}x") and cache.symlink_to(f"{cache}x"), 1,
                         "cache-directory", "fail", ""),
    "file open": (lambda cache: identity(cache).chmod(0o644), 1, "cache-files", "fail", "chmod 600"),
    "file of another version": (other_form, 0, "cache-files", "warn", "p3idp login"),
    "file damaged": (lambda cache: identity(cache).write_text("{"), 0, "cache-files", "warn", "p3idp"),
    "file set aside": (lambda cache: (cache / "identity-a.json.form-9").touch(0o600), 0, "cache-files", "warn", "Remo"),
    "sealed without its key": (sealed, 1, "keyring", "fail", "Unlock"),
    "memory damaged": (lambda cache: (cache / "clouds.json").chmod(0o640), 1, "cache-files", "fail", "chmod 600"),
}  # fmt: skip


def test_what_a_sign_in_left_half_written_is_of_no_other_version(mary: Command, home: Home):
    (home.cache / ".identity-a.json.x1").touch(0o600)
    _, findings = found(mary)
    assert [each["status"] for each in findings if each["check"] == "cache-files"] == ["ok"]


@pytest.mark.parametrize("name", KEPT)
def test_what_is_wrong_with_what_is_kept_is_named_and_left(mary: Command, home: Home, name: str):
    spoil, ends, check, verdict, try_this = KEPT[name]
    spoil(home.cache)
    before = sorted(file.name for file in home.cache.iterdir() if not file.name.endswith(".lock"))
    status, findings = found(mary)
    hit = [each for each in findings if each["check"] == check and each["status"] == verdict]
    assert hit, findings
    assert try_this in hit[0]["remedy"]
    assert status == ends
    assert sorted(file.name for file in home.cache.iterdir() if not file.name.endswith(".lock")) == before


def test_another_p3idp_at_work_is_told(mary: Command, home: Home):
    with FileLock(home.cache / "identity-x.json.lock", mode=0o600):
        _, findings = found(mary)
    assert of(findings, "cache-locks") == ["warn"]
    assert of(found(mary)[1], "cache-locks") == ["ok"]


@pytest.mark.parametrize(("free", "status", "verdict"), [(0, 1, "fail"), (9 << 20, 0, "warn"), (1 << 40, 0, "ok")])
def test_a_disk_without_room_is_told(
    mary: Command, monkeypatch: pytest.MonkeyPatch, free: int, status: int, verdict: str
):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free}))
    ended, findings = found(mary)
    assert (ended, of(findings, "cache-room")) == (status, [verdict])


def test_an_end_of_the_sign_in_is_told(mary: Command, small: SmallSite, home: Home):
    assert "until the provider ends it" in mary("doctor", "--client").stdout
    assert mary("logout").returncode == 0
    status, findings = found(mary)
    assert (status, of(findings, "signed-in")) == (0, ["warn"])


def test_a_client_toml_with_a_mistake_is_told(mary: Command, home: Home):
    home.config.write_text("[clouds.a]\n[clouds.a]\n")
    status, findings = found(mary)
    assert (status, of(findings, "configuration")) == (1, ["fail"])


def test_a_cloud_that_is_not_known_fails(mary: Command):
    status, findings = found(mary, "--cloud=nowhere")
    assert (status, of(findings, "cloud")) == (1, ["fail"])


# ---- this machine ----


def machine(environ: dict[str, str], prefix: str = sys.prefix) -> list[Finding]:
    return list(examine_machine(environ, prefix))


def test_variables_that_get_in_the_way_are_told(tmp_path: Path):
    (tmp_path / "ca.pem").touch()
    environ = {"REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem"), "OS_CACERT": "/nowhere/ca.pem", "OS_TOKEN": "canary",
               "HTTPS_PROXY": "http://user:canary@proxy.test:3128"}  # fmt: skip
    told = {each.subject: (each.status.value, each.found) for each in machine(environ) if each.check == "environment"}
    assert {name: status for name, (status, _) in told.items()} == {
        "REQUESTS_CA_BUNDLE": "ok", "OS_CACERT": "warn", "OS_TOKEN": "warn", "HTTPS_PROXY": "warn"
    }  # fmt: skip
    assert "canary" not in str(told)


def test_an_openstack_of_another_environment_is_told(tmp_path: Path):
    def verdict() -> str:
        return next(each.status.value for each in machine({"PATH": str(tmp_path)}) if each.check == "openstack-client")

    assert verdict() == "skipped"
    script = tmp_path / "openstack"
    script.write_text(f"#!{tmp_path}/other/bin/python3\n")
    script.chmod(0o755)
    assert verdict() == "warn"
    (tmp_path / "other/lib/python3.12/site-packages/p3idp-1.dist-info").mkdir(parents=True)
    assert verdict() == "ok"
    script.write_text(f"#!{sys.prefix}/bin/python\n")
    assert verdict() == "ok"


def test_a_plugin_that_is_gone_or_broken_is_told(monkeypatch: pytest.MonkeyPatch):
    def plugins() -> list[str]:
        return [each.status.value for each in machine({}) if each.check == "plugin"]

    assert plugins() == ["ok", "ok"]
    broken = metadata.EntryPoint("v3p3idp", "p3idp.nowhere:Nothing", "keystoneauth1.plugin")
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [broken])
    assert plugins() == ["fail", "fail"]
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [])
    assert plugins() == ["fail", "fail"]


# ---- clouds.yaml ----

GOOD = {"auth_type": "v3p3idp", "auth": {"auth_url": "https://k.test/v3", "project_name": "p3"}}
ENTRIES: dict[str, tuple[dict[str, Any], str]] = {
    "good": (GOOD, "ok"),
    "no auth": ({"auth_type": "v3p3idp"}, "warn"),
    "no auth_url": ({**GOOD, "auth": {"project_name": "p3"}}, "warn"),
    "a key mistyped": ({**GOOD, "auth": {**GOOD["auth"], "project": "canary-secret"}}, "warn"),
    "a broker nobody signed in at": ({**GOOD, "auth": {**GOOD["auth"], "broker": "https://other.test"}}, "warn"),
    "a cloud nobody knows": ({**GOOD, "auth": {**GOOD["auth"], "p3idp_cloud": "other"}}, "warn"),
    "a cloud that is known": ({**GOOD, "auth": {**GOOD["auth"], "p3idp_cloud": "small"}}, "ok"),
    "no CA file": ({**GOOD, "cacert": "/nowhere/ca.pem"}, "warn"),
    "no token file": ({**GOOD, "auth": {**GOOD["auth"], "access_token_file": "/nowhere/token"}}, "warn"),
    "no variable": ({**GOOD, "auth": {**GOOD["auth"], "access_token_env": "NOT_SET_ANYWHERE"}}, "warn"),
    "a token file of a user who is not there": (
        {**GOOD, "auth": {**GOOD["auth"], "access_token_file": "~nobody-here/token"}},
        "warn",
    ),
    "somebody else's": ({"auth_type": "password", "auth": {"password": "canary-secret"}}, "skipped"),
}


@pytest.fixture
def entries(tmp_path: Path) -> Callable[[str], list[Finding]]:
    """What is found of a clouds.yaml of this text, where one cloud is known."""
    (tmp_path / "client.toml").write_text('[clouds.small]\nbroker = "https://b.test"\n')
    clouds = Clouds(PrivateFiles(tmp_path / "kept"), tmp_path / "client.toml")

    def look(text: str) -> list[Finding]:
        (tmp_path / "clouds.yaml").write_text(text)
        return list(examine_clouds_yaml(clouds, {}))

    return look


@pytest.mark.parametrize("name", ENTRIES)
def test_entries_of_clouds_yaml_are_looked_at(entries: Callable[[str], list[Finding]], name: str):
    entry, verdict = ENTRIES[name]
    found = entries(json.dumps({"clouds": {"mine": entry}}))
    assert [each.status.value for each in found] == [verdict], found
    assert "canary-secret" not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "clouds:\n  a: {password: canary-secret\n b: [",
        "- 1\n",
        "\x00",
        "clouds: 3\n",
        "clouds:\n  a: {password: canary-secret, b: 2026-99-99}\n",
        "clouds: " + "[" * 5000,
    ],
)
def test_a_clouds_yaml_that_is_none_is_told_without_its_secrets(entries: Callable[[str], list[Finding]], text: str):
    (found,) = entries(text)
    assert found.status.value == "fail"
    assert "canary-secret" not in str(found)


def test_clouds_yaml_is_looked_for_where_openstacksdk_looks(mary: Command, tmp_path: Path):
    assert of(found(mary)[1], "clouds-yaml") == ["skipped"]
    (tmp_path / ".config/openstack").mkdir(parents=True)
    (tmp_path / ".config/openstack/clouds.yaml").write_text(json.dumps({"clouds": {"mine": GOOD}}))
    assert of(found(mary)[1], "clouds-yaml") == ["ok"]


# ---- the command ----


def test_each_check_has_its_words_and_all_are_used():
    source = "".join(
        file.read_text() for file in Path(str(sys.modules["p3idp.client.doctor.words"].__file__)).parent.glob("*.py")
    )
    assert [check for check in CHECKS if f'("{check}"' not in source] == []


def test_a_site_and_a_machine_are_not_asked_at_once(p3idp: Command):
    done = p3idp("doctor", "--client", "--settings=/nowhere")
    assert (done.returncode, "usage-mistaken" in done.stderr) == (2, True)
    assert json.loads(p3idp("doctor", "--settings=/nowhere", "--json").stdout)["findings"][0]["check"] == "settings"


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (150, "2.5 min"), (86400, "24.0 h"), (400000, "4.6 days")])
def test_spans_are_told_in_their_unit(seconds: int, text: str):
    assert shown(timedelta(seconds=seconds)) == text


def test_the_keyring_of_the_tests_keeps_nothing(home: Home):
    assert keyring.get_keyring().get_password("p3idp", str(home.cache)) is None
    assert not stat.S_IMODE(home.cache.parent.stat().st_mode) & stat.S_IWOTH
