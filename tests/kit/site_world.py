"""A site for tests of generated configuration and of the doctor: policy, settings, files, and an Apache that agrees."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from p3idp.adapters.config_directory import FileDirectory
from p3idp.adapters.templates import JinjaRenderer
from p3idp.core.policy.model import ClaimNames, IdentityProvider, Policy, PolicyId, ProviderId, Site
from p3idp.core.site.versions import ModuleVersion, parse_version
from p3idp.ops.site_config import SiteConfig
from p3idp.ops.site_facts import site_facts
from p3idp.settings import Settings

EGI = "https://idp.test/auth/realms/egi"
HUB = "https://hub.test/auth/realms/hub"
SCOPES = ("openid", "profile", "voperson_id", "eduperson_entitlement", "entitlements")


def provider(name: str = "egi", issuer: str = EGI, **changes: Any) -> IdentityProvider:
    given = {
        "id": ProviderId(name),
        "title": "EGI Check-in",
        "issuers": (issuer,),
        "protocol": "openid",
        "claims": ClaimNames(subject="voperson_id"),
        "scopes": SCOPES,
        "authorization_ttl": timedelta(hours=8),
        "issuing_clients": ("p3idp", "keystone"),
    }
    return IdentityProvider(**(given | changes))


def policy(*providers: IdentityProvider) -> Policy:
    return Policy(Site(PolicyId("test-site"), "A site", "egi", "support@example.org", providers or (provider(),)), ())


def settings(
    root: Path, *, site: Mapping[str, Any] | None = None, secret: str = "a-secret-value", **egi: Any
) -> Settings:
    file = root / "secret"
    file.write_text(secret, encoding="utf-8")
    file.chmod(0o600)
    reference = {"file": str(file)}
    client = {"client_id": "p3idp", "client_secret": reference}
    apache = {"keystone_client_id": "keystone", "keystone_client_secret": reference}
    return Settings.model_validate(
        {
            "policy_dir": str(root),
            "keystone": {"auth_url": "https://keystone.test:5000/v3", "username": "admin", "password": reference},
            "providers": {"egi": client | apache | egi, "hub": client | apache},
            "site": {
                "dashboard_url": "https://dashboard.test",
                "keystone_listen": "192.0.2.1:5000",
                "keystone_upstream": "unix:/run/keystone.sock|uwsgi://keystone/",
                "tls_cert": "/etc/ssl/keystone.pem",
                "tls_key": "/etc/ssl/keystone.key",
                "crypto_passphrase": reference,
            }
            | dict(site or {}),
        }
    )


class AgreeingApache:
    """An Apache of some version that accepts everything, and remembers what it was shown."""

    def __init__(self, version: str | None = "2.4.12.3") -> None:
        self.version = parse_version(version) if version else None
        self.shown: list[Mapping[str, str]] = []

    def module_version(self) -> ModuleVersion | None:
        return self.version

    def check(self, files: Mapping[str, str], main: str, placed_at: str) -> None:
        assert main in files
        self.shown.append(files)


def site_config(root: Path, the_policy: Policy | None = None, apache: Any = None, **changes: Any) -> SiteConfig:
    known = the_policy or policy()
    facts = site_facts(known, settings(root, **changes))
    return SiteConfig(known, facts, JinjaRenderer(), apache or AgreeingApache(), FileDirectory)
