"""An operator plans, reviews and applies a policy on a real Keystone, and every mistake ends in one clear message."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from policies import SITE, PolicyFiles

from p3idp.cli.main import main
from p3idp.lab.handle import LabHandle

_numbers = count(1)
ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
PROGRAM = Path(sys.executable).with_name("p3idp")


@dataclass
class Operator:
    """Somebody with a policy of their own, in a domain of its own of the lab's Keystone."""

    files: PolicyFiles
    settings: Path
    name: str

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a command."""
        command = [PROGRAM, *words, "--settings", str(self.settings)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    def inside(self, *words: str) -> str:
        """The same within this process; it must end well."""
        done = CliRunner().invoke(main, [*words, "--settings", str(self.settings)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def digest(self) -> str:
        return str(json.loads(self.inside("plan", "--json"))["digest"])


@pytest.fixture
def operator(lab: LabHandle, tmp_path: Path) -> Operator:
    name = f"story-{next(_numbers)}"
    site = SITE.replace("domain: egi", f"domain: {name}").replace("  egi:\n", f"  {name}:\n")
    files = PolicyFiles(tmp_path / "policy", site.replace("/realms/egi", f"/{name}").replace("test-site", name))
    text = lab.settings_path.read_text(encoding="utf-8")
    text = re.sub(r"^policy_dir = .*$", f'policy_dir = "{files.root}"', text, flags=re.M)
    text = re.sub(r"^url = .*$", f'url = "sqlite:///{tmp_path}/p3idp.sqlite"', text, flags=re.M)
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    return Operator(files, tmp_path / "settings.toml", name)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every request that goes to Keystone, as method and path."""
    requests_sent: list[str] = []
    send = requests.Session.send

    def counting(session: requests.Session, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        requests_sent.append(f"{request.method} {request.path_url}")
        assert request.headers["X-OpenStack-Request-ID"].startswith("req-")
        return send(session, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", counting)
    return requests_sent


def writes(sent: list[str]) -> list[str]:
    return [each for each in sent if not each.startswith("GET ") and each != "POST /v3/auth/tokens"]


def test_plan_review_apply_and_then_nothing_is_left_to_do(operator: Operator, sent: list[str]) -> None:
    planned = operator("plan", "--detailed-exitcode")
    assert planned.returncode == 6, planned.stdout
    assert "+ p3@" in planned.stdout
    assert "vo.access.egi.eu:role=vm_operator" in planned.stdout
    assert "\x1b[" not in planned.stdout, "colour is for terminals"
    (digest,) = re.findall(r"^To apply it: p3idp apply .*--digest ([0-9a-f]{64})$", planned.stdout, flags=re.M)

    assert "10 made" in operator.inside("apply", "--digest", digest)
    assert writes(sent)
    sent.clear()

    assert "Nothing to change" in operator.inside("plan", "--detailed-exitcode")
    assert writes(sent) == []
    assert len(sent) == 10, "one sign-in and nine lists"
    assert "Nothing to change" in operator.inside("apply", "--yes")
    assert writes(sent) == []
    listed = operator.inside("audit", "list")
    assert listed.count("update/access pending") == listed.count("update/access success") == 1
    assert "2 records, unchanged" in operator.inside("audit", "verify")


def test_a_digest_is_refused_once_the_policy_changed(operator: Operator) -> None:
    digest = operator.digest()
    operator.files.change(ACCESS_FILE, "[member]", "[reader]")
    refused = operator("apply", "--digest", digest)
    assert refused.returncode == 4
    assert "plan-stale" in refused.stderr
    assert "Traceback" not in refused.stderr


def spoil_password(operator: Operator, lab: LabHandle) -> None:
    secret = operator.settings.with_name("wrong")
    secret.write_text("not the password", encoding="utf-8")
    secret.chmod(0o600)
    text = operator.settings.read_text(encoding="utf-8")
    assert "password = " in text
    operator.settings.write_text(re.sub(r"^password = .*$", f'password = {{ file = "{secret}" }}', text, flags=re.M))


def spoil_address(operator: Operator, lab: LabHandle) -> None:
    text = operator.settings.read_text(encoding="utf-8")
    operator.settings.write_text(re.sub(r"^auth_url = .*$", 'auth_url = "https://localhost:1/v3"', text, flags=re.M))


def spoil_policy(operator: Operator, lab: LabHandle) -> None:
    operator.files.change(ACCESS_FILE, "entitlement:", "entitlment:")


def spoil_role(operator: Operator, lab: LabHandle) -> None:
    operator.files.change(ACCESS_FILE, "[member]", "[membr]")


@pytest.mark.parametrize(
    ("spoil", "status", "words"),
    [
        (spoil_password, 4, "keystone-credentials-refused"),
        (spoil_address, 5, "keystone-unreachable"),
        (spoil_policy, 2, f"{ACCESS_FILE}:6: there is no key `entitlment` here; did you mean `entitlement`?"),
        (spoil_role, 4, "Keystone has no role membr; did you mean member?"),
    ],
    ids=["a wrong password", "an unreachable Keystone", "a typo in the policy", "an unknown role"],
)
def test_a_mistake_ends_in_one_message_and_its_status(operator, lab, spoil, status, words) -> None:
    spoil(operator, lab)
    done = operator("apply", "--yes")
    assert done.returncode == status, done.stderr
    assert words in done.stderr
    assert "What to try: " in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "not the password" not in done.stderr + done.stdout


@pytest.mark.parametrize("after", [1, 6])
def test_a_killed_apply_is_repaired_by_the_next(operator: Operator, after: int) -> None:
    command = [PROGRAM, "apply", "--yes", "--settings", str(operator.settings)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        for _ in range(after):
            assert process.stderr.readline()
        os.kill(process.pid, signal.SIGKILL)
    told = operator.inside("apply", "--yes")
    assert "An earlier run was interrupted" in told
    assert "Nothing to change" in operator.inside("plan")
    assert "unchanged" in operator.inside("audit", "verify")
    assert "(interrupted)" in operator.inside("audit", "list")


def test_an_unreviewed_apply_must_be_asked_for(operator: Operator) -> None:
    done = operator("apply")
    assert done.returncode == 2
    assert "--digest" in done.stderr
