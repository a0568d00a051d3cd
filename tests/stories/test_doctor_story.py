"""The doctor on the real lab: all is well, and then one thing after another is broken and named.

What is broken in Keystone is put back; what is broken in Apache is broken in a second Apache on a port of its own.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from p3idp.adapters.apache.installed import InstalledApache
from p3idp.core.secret import Secret
from p3idp.core.site.findings import Finding, Report, Status
from p3idp.errors import ExitStatus
from p3idp.lab.handle import LabHandle
from p3idp.lab.servers.apache import binary
from p3idp.ops.doctor import Doctor
from p3idp.settings import Settings
from p3idp.settings.secret_ref import SecretRef
from p3idp.wiring import now, wire_doctor

PROGRAM = Path(sys.executable).with_name("p3idp")


def wrong(findings: Iterable[Finding]) -> dict[str, Status]:
    return {f.check: f.status for f in findings if f.status in (Status.FAIL, Status.WARN)}


def test_a_lab_in_order_passes_every_check_by_command_line(site: LabHandle, tmp_path: Path):
    token = tmp_path / "token"
    token.write_text(site.token("alice"), encoding="utf-8")
    command = [PROGRAM, "doctor", "--json", "--settings", site.settings_path, "--token-file", token]
    done = subprocess.run(command, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    assert [f for f in answer["findings"] if f["status"] != "ok"] == []
    assert done.returncode == answer["exit_status"] == 0
    assert len(answer["findings"]) > 60
    assert token.read_text() not in done.stdout + done.stderr


class Admin:
    """Keystone's administrator, who breaks things and puts them back."""

    def __init__(self, lab: LabHandle) -> None:
        self.http = httpx.Client(verify=lab.tls, trust_env=False, timeout=30)
        self.root = f"{lab.urls.keystone_url}/OS-FEDERATION"
        user = {"name": "admin", "domain": {"id": "default"}, "password": lab.layout.secret("keystone-admin")}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        identity = {"methods": ["password"], "password": {"user": user}}
        reply = self.http.post(
            f"{lab.urls.keystone_url}/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}
        )
        self.http.headers["X-Auth-Token"] = reply.raise_for_status().headers["X-Subject-Token"]

    def patch(self, path: str, kind: str, **body: Any) -> None:
        self.http.patch(f"{self.root}{path}", json={kind: body}).raise_for_status()

    def get(self, path: str, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"{self.root}{path}").raise_for_status().json()[kind]
        return found


IDP = "/identity_providers/egi"
PROTOCOL = f"{IDP}/protocols/openid"
MAPPING = "/mappings/p3idp-egi"


@contextmanager
def changed(admin: Admin, path: str, kind: str, **changes: Any) -> Iterator[None]:
    before = admin.get(path, kind)
    admin.patch(path, kind, **changes)
    try:
        yield
    finally:
        # Keystone shows remote_id_attribute in its list of protocols only.
        admin.patch(path, kind, **{key: before.get(key, "OIDC-iss") for key in changes})


RULES = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "HTTP_OIDC_SUB"}]}]


def test_what_somebody_changed_in_keystone_is_named_and_gone_when_it_is_put_back(site: LabHandle):
    admin, doctor = Admin(site), wire_doctor(site.settings, None, ())
    with (
        changed(admin, IDP, "identity_provider", enabled=False, remote_ids=[], authorization_ttl=0, description="mine"),
        changed(admin, PROTOCOL, "protocol", mapping_id="p3idp-egi", remote_id_attribute="HTTP_OIDC_ISS"),
        changed(admin, MAPPING, "mapping", rules=RULES, schema_version="1.0"),
    ):
        assert wrong(doctor.in_keystone(now())) == {
            "idp-enabled": Status.FAIL,
            "idp-issuers": Status.FAIL,
            "idp-owned": Status.WARN,
            "authorization-ttl": Status.FAIL,
            "protocol-remote-id": Status.FAIL,
            "mapping-claim-names": Status.FAIL,
            "mapping-schema": Status.FAIL,
            "mapping-drift": Status.FAIL,
        }
    assert wrong(doctor.in_keystone(now())) == {}


def with_keystone(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update={"keystone_section": settings.keystone.model_copy(update=changes)})


def secret_in(root: Path, text: str) -> SecretRef:
    file = root / "secret"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return SecretRef(file=file)


def opened(settings: Settings) -> Doctor:
    return wire_doctor(settings, None, ())


def test_a_silent_address_is_unreachable(site: LabHandle):
    silent = with_keystone(site.settings, public_url=f"https://localhost:{free_port()}/v3")
    report = Report(tuple(opened(silent).at_the_front()))
    assert wrong(report.findings) == {"keystone-reachable": Status.FAIL}
    assert report.exit_status is ExitStatus.UNREACHABLE


def test_an_unknown_authority_is_named_and_not_passed_over(site: LabHandle):
    assert wrong(opened(with_keystone(site.settings, ca_file=None)).at_the_front()) == {
        "keystone-certificate": Status.FAIL
    }


def test_a_wrong_password_and_a_wrong_client_secret_each_get_their_name(site: LabHandle, tmp_path: Path):
    mistaken = secret_in(tmp_path, "not-the-secret")
    settings = with_keystone(site.settings, password=mistaken)
    assert wrong(opened(settings).in_keystone(now())) == {"keystone-credentials": Status.FAIL}
    egi = site.settings.providers["egi"].model_copy(update={"keystone_client_secret": mistaken})
    settings = site.settings.model_copy(update={"providers": {**site.settings.providers, "egi": egi}})
    assert wrong(opened(settings).at_providers()) == {"introspection-client": Status.FAIL}


def test_a_clock_that_is_off_is_named_by_how_much(site: LabHandle):
    built = replace(opened(site.settings), clock=lambda: now() - timedelta(seconds=60))
    clocks = [f for f in (*built.at_providers(), *built.at_the_front()) if f.check == "clock"]
    assert len(clocks) == 2
    assert all(f.status is Status.FAIL and "60 s ahead of" in f.found.replace("61", "60") for f in clocks)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def broken_front(lab: LabHandle, root: Path, spoil: Callable[[str], str]) -> Iterator[Settings]:
    """A second Apache in front of the same Keystone, its configuration a spoilt copy of the generated one."""
    port, old = free_port(), lab.urls.keystone
    text = (lab.layout.site / "apache.conf").read_text(encoding="utf-8")
    copied = spoil(text)
    assert copied != text
    (root / "apache.conf").write_text(copied.replace(f":{old}", f":{port}"), encoding="utf-8")
    user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
    wrapper = root / "wrapper.conf"
    wrapper.write_text(InstalledApache().wrapper(root / "apache.conf", root) + user, encoding="utf-8")
    with subprocess.Popen([str(binary()), "-D", "FOREGROUND", "-f", wrapper], cwd=root) as apache:
        try:
            wait_for(port)
            yield with_keystone(lab.settings, public_url=f"https://localhost:{port}/v3")
        finally:
            apache.terminate()


def wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("Apache did not start")


def seen_from_outside(settings: Settings) -> dict[str, Status]:
    return wrong(opened(settings).at_the_front())


def test_an_unguarded_bearer_path_small_limits_and_missing_scopes_are_named(site: LabHandle, tmp_path: Path):
    def spoil(text: str) -> str:
        text = text.replace("AuthType oauth20", "AuthType None").replace("LimitRequestFieldSize 65535", "")
        text = text.replace("eduperson_entitlement entitlements ", "")
        text = re.sub(r"<RequireNone>.*?</RequireNone>", "", text, flags=re.DOTALL)  # Apache takes none in RequireAny
        return text.replace("<RequireAll>", "<RequireAny>\nRequire all granted").replace(
            "</RequireAll>", "</RequireAny>"
        )

    with broken_front(site, tmp_path, spoil) as settings:
        assert seen_from_outside(settings) == {
            "bearer-path": Status.FAIL,
            "long-headers": Status.FAIL,
            "websso-scopes": Status.FAIL,
        }


def test_a_bearer_path_for_browsers_and_a_flow_without_pkce_are_named(site: LabHandle, tmp_path: Path):
    def spoil(text: str) -> str:
        text = text.replace("AuthType oauth20", "AuthType openid-connect").replace("OIDCPKCEMethod S256", "")
        return text.replace("<LimitExcept GET POST>\n            Require all denied", "<LimitExcept GET POST>")

    with broken_front(site, tmp_path, spoil) as settings:
        found = seen_from_outside(settings)
    assert found["bearer-path"] is Status.FAIL
    assert found["websso-redirect"] is Status.FAIL


def test_options_that_pass_without_a_token_are_named(site: LabHandle, tmp_path: Path):
    def spoil(text: str) -> str:
        begin = text.index("<LimitExcept GET POST>")
        end = text.index("</LimitExcept>") + len("</LimitExcept>")
        return text[:begin] + text[end:]

    with broken_front(site, tmp_path, spoil) as settings:
        assert seen_from_outside(settings) == {"bearer-options": Status.WARN}


def test_the_front_door_refuses_a_foreign_clients_token_before_keystone_sees_it(site: LabHandle):
    url = f"{site.urls.keystone_url}/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
    with httpx.Client(verify=site.tls, trust_env=False, timeout=30) as stranger:

        def status(token: Secret[str], **headers: str) -> tuple[int, str]:
            reply = stranger.post(url, headers={"Authorization": f"Bearer {token.reveal()}", **headers})
            return reply.status_code, reply.headers.get("X-Openstack-Request-Id", "")

        assert status(Secret(site.token("alice")))[0] == 201
        assert status(Secret(site.token("alice", client="other-service"))) == (403, "")
        assert status(Secret(site.token("alice", provider="hub"))) == (401, "")
        forged = {"OIDC-azp": "p3idp", "OIDC_azp": "p3idp", "OIDC-voperson_id": "admin"}
        assert status(Secret(site.token("alice", client="other-service")), **forged) == (403, "")
