"""A service account on the command line: where its secret may be, and what is asked with it."""

import base64
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paper_provider import ISSUER, KEY, PaperProvider, id_token, now
from researcher import Done, Home

from p3idp.client.cache.files import PrivateFiles
from p3idp.client.clouds import Cloud, Clouds
from p3idp.client.flows.service import by_service, service_secret
from p3idp.client.http import Answer
from p3idp.client.provider import look_up
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.sign_in import ClientConfigInvalid
from p3idp.lab.handle import LabHandle

PROGRAM = Path(sys.executable).with_name("p3idp")
SECRET = "robot & s3cret/u"
ROBOT = Cloud("r", issuer=ISSUER, client_id="robot", scopes=("openid", "offline_access"), client_secret_env="ROBOT")


def access_token(**other: object) -> str:
    return id_token(KEY, {"typ": "JWT"}, **{"azp": "robot", "sub": "4d8@egi.eu", "aud": None, "nonce": None, **other})


@dataclass
class Listening(PaperProvider):
    """Notes the headers too."""

    headers: list[Mapping[str, str]] = field(default_factory=list)

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        self.headers.append(headers or {})
        return super().post(url, form, headers)


def asked(reply: tuple[int, object], cloud: Cloud = ROBOT) -> tuple[object, Listening]:
    paper = Listening(replies=[reply])
    provider = look_up(paper, ISSUER, "robot", Secret(SECRET))  # type: ignore[arg-type]  # it stands in for Web
    return by_service(cloud, provider, now()), paper


def test_a_token_is_asked_for_with_the_secret_in_a_header_and_no_refresh_token():
    body = {"access_token": access_token(), "token_type": "Bearer", "expires_in": 300, "refresh_token": "r1"}
    identity, paper = asked((200, body))
    assert (identity.subject, identity.client_id, identity.refresh_token) == ("4d8@egi.eu", "robot", None)
    assert paper.asked == [("token", {"grant_type": "client_credentials", "scope": "openid"})]
    pair = base64.b64decode(paper.headers[0]["Authorization"].removeprefix("Basic ")).decode()
    assert pair == "robot:robot+%26+s3cret%2Fu", "encoded as RFC 6749 section 2.3.1 wants it"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ((401, {"error": "invalid_client"}), "sign-in-failed"),
        ((400, {"error": "unauthorized_client"}), "sign-in-failed"),
        ((400, b"<html>"), "sign-in-failed"),
        ((200, {}), "provider-unreachable"),
        ((200, {"access_token": access_token(), "token_type": "DPoP"}), "provider-unreachable"),
        ((200, {"access_token": "opaque", "token_type": "Bearer"}), "sign-in-failed"),
        ((200, {"access_token": access_token(azp="other"), "token_type": "Bearer"}), "sign-in-failed"),
        ((200, {"access_token": access_token(iss="https://x.test"), "token_type": "Bearer"}), "sign-in-failed"),
        ((200, {"access_token": access_token(sub=None), "token_type": "Bearer"}), "sign-in-failed"),
        ((429, {}), "provider-unreachable"),
    ],
)
def test_an_answer_that_is_no_token_of_the_robots_is_one_message(reply: tuple[int, object], code: str):
    with pytest.raises(P3idpError) as refused:
        asked(reply)
    assert refused.value.code == code
    assert SECRET not in str(refused.value) + refused.value.hint + refused.value.debug


def test_the_secret_is_read_from_a_file_of_the_users_alone(tmp_path: Path):
    file = tmp_path / "secret"
    cloud = replace(ROBOT, client_secret_env="", client_secret_file=str(file))

    def refusal() -> str:
        with pytest.raises(ClientConfigInvalid) as refused:
            service_secret(cloud)
        return refused.value.detail + refused.value.hint

    assert "cannot be read" in refusal()
    file.write_text(f" {SECRET}\n")
    for mode in (0o604, 0o640, 0o620, 0o602, 0o644, 0o777):
        file.chmod(mode)
        assert f"chmod 600 {file}" in refusal(), oct(mode)
    file.chmod(0o400)
    assert service_secret(cloud).reveal() == SECRET
    assert SECRET not in repr(service_secret(cloud))
    for content in ("", " \n", "ä", "two\nlines", "\x00", "x" * 5000):
        file.chmod(0o600)
        file.write_text(content)
        assert "holds no client secret" in refusal()
    file.unlink()
    os.mkfifo(file, 0o600)
    assert "no plain file" in refusal(), "a pipe is not waited for"
    file.unlink()
    file.mkdir(0o700)
    assert "no plain file" in refusal()
    if os.geteuid() == 0:
        file.rmdir()
        file.write_text(SECRET)
        file.chmod(0o600)
        os.chown(file, 12345, -1)
        assert "belongs to somebody else" in refusal()


def test_a_variable_may_hold_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ROBOT", SECRET)
    assert service_secret(ROBOT).reveal() == SECRET
    monkeypatch.delenv("ROBOT")
    with pytest.raises(ClientConfigInvalid, match="variable ROBOT"):
        service_secret(ROBOT)


@pytest.mark.parametrize(
    "text",
    [
        'client_secret_env = "X"',
        'client_id = "r"\nclient_secret_env = "X"\nclient_secret_file = "/x"',
        'client_id = "r"\nclient_secret_env = "X"\ntoken_command = ["x"]',
        'client_id = "r"\nclient_secret = "in-the-open"',
        'client_id = "r"\nclient_secret_file = ["/x"]',
    ],
)
def test_half_a_service_account_in_the_file_is_a_mistake(text: str, tmp_path: Path):
    (tmp_path / "client.toml").write_text(f'[clouds.r]\nissuer = "https://op.test"\n{text}\n')
    with pytest.raises(ClientConfigInvalid) as refused:
        Clouds(PrivateFiles(tmp_path / "kept"), tmp_path / "client.toml").find("r")
    assert "in-the-open" not in str(refused.value)


@pytest.mark.parametrize(
    "words",
    [
        ("--service-account=robot",),
        ("--client-secret-env=X",),
        ("--service-account=robot", "--client-id=other", "--client-secret-env=X"),
        ("--service-account=robot", "--client-secret-env=X", "--flow=browser"),
    ],
)
def test_half_a_service_account_on_the_command_line_is_told(words: tuple[str, ...], p3idp: Callable[..., Done]):
    assert p3idp("login", "--issuer=https://op.test", *words).returncode == 2


@pytest.fixture
def robot(home: Home, site: LabHandle, p3idp: Callable[..., Done], tmp_path: Path) -> Home:
    """A robot that is signed in at the lab, by its configuration file alone."""
    secret = site.layout.secret_file("egi-client-p3-robot")
    home.config.write_text(
        f'[clouds.robot]\nissuer = "{site.urls.issuer}"\nclient_id = "p3-robot"\nca_file = "{site.ca_file}"\n'
        f'auth_url = "{site.urls.keystone_url}"\nidentity_provider = "egi"\nprotocol = "openid"\n'
        f'scopes = ["openid", "entitlements", "voperson_id"]\nclient_secret_file = "{secret}"\n'
    )
    assert p3idp("token", "--cloud=robot", "--show").returncode == 0, "no sign-in is needed before"
    return home


def age(home: Home) -> None:
    """Let the access token be over, as far as this machine knows."""
    (file,) = home.cache.glob("identity-*.json")
    outer = json.loads(file.read_text())
    over = {"issued_at": "2026-01-01T00:00:00+00:00", "ends_at": "2026-01-01T01:00:00+00:00"}
    file.write_text(json.dumps({**outer, "body": json.dumps({**json.loads(outer["body"]), **over})}))


def test_programs_at_the_same_time_ask_for_one_token(robot: Home, site: LabHandle):
    age(robot)
    before = site.control().counters()["token"]
    running = [
        subprocess.Popen(
            [PROGRAM, "token", "--cloud=robot"], env=robot.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(5)
    ]  # fmt: skip
    printed = {each.communicate(timeout=60)[0] for each in running}
    assert (len(printed), [each.returncode for each in running]) == (1, [0] * 5)
    assert site.control().counters()["token"] == before + 1


def test_what_is_kept_is_a_token_and_never_the_secret(robot: Home, site: LabHandle, p3idp: Callable[..., Done]):
    secret = site.layout.secret("egi-client-p3-robot")
    files = [file for file in robot.cache.rglob("*") if file.is_file()]
    assert files
    assert all(secret.encode() not in file.read_bytes() for file in files)
    assert all(not stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files)
    told = json.loads(p3idp("whoami", "--cloud=robot", "--json").stdout)
    assert (told["client_id"], told["refreshable"]) == ("p3-robot", False)
    assert datetime.fromisoformat(told["access_token_ends_at"]) > datetime.now(UTC)
    assert "service account" in p3idp("whoami", "--cloud=robot").stdout


def test_a_wrong_secret_is_refused_and_ends_nothing(robot: Home, p3idp: Callable[..., Done], tmp_path: Path):
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-secret")
    wrong.chmod(0o600)
    text = robot.config.read_text().splitlines()
    robot.config.write_text("\n".join([*text[:-1], f'client_secret_file = "{wrong}"']))
    age(robot)
    done = p3idp("token", "--cloud=robot")
    assert (done.returncode, done.stdout) == (4, "")
    assert "p3-robot" in done.stderr
    assert "not-the-secret" not in done.stderr
    robot.config.write_text("\n".join(text))
    assert p3idp("token", "--cloud=robot").returncode == 0
