"""What p3idp itself needs to run in the lab: settings, policy, generated site configuration. Owns these files."""

import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from p3idp.lab.addresses import Addresses
from p3idp.lab.layout import EXAMPLE, Layout, write_if_changed, write_private
from p3idp.lab.servers.apache import is_installed
from p3idp.lab.servers.checkin import client_secret_name
from p3idp.lab.servers.keystone import socket_path
from p3idp.settings import load_settings
from p3idp.wiring import wire_site_config

_DEBIAN_MODULE = "2.4.12.3"


def write_settings(layout: Layout) -> None:
    """Write the settings file, in the shape of settings/model.py, and one that names two clouds as environments.

    Secrets stay in files of their own.
    """
    addresses = layout.addresses
    usual = {"keystone": _keystone(layout, addresses.keystone_url), "site": _site(layout, addresses.keystone)}
    shared: dict[str, Mapping[str, object]] = {
        "providers.egi": _provider(layout, "egi"),
        "providers.hub": _provider(layout, "hub"),
        "web": {
            "base_url": addresses.broker_url,
            "cookie_key": _fernet_key(layout, "cookie-key"),
            "listen": f"127.0.0.1:{addresses.broker}",
            "tls_cert": layout.tls_cert,
            "tls_key": layout.tls_key,
        },
        "store": {"url": f"sqlite:///{layout.state}/p3idp.sqlite"},
        # Everybody in the lab comes from one address, and two hundred commands at once are an example.
        "limits": {"address_per_minute": 60_000, "person_per_minute": 60_000},
        "logins": {"key": _fernet_key(layout, "logins-key")},
        "offline": {"key": _fernet_key(layout, "offline-key")},
        "approvals": {"key": _fernet_key(layout, "approvals-key")},
    }
    _write(layout, layout.settings, {**usual, **shared})
    environments = {
        **{f"environments.production.{name}": section for name, section in usual.items()},
        "environments.alt-1.keystone": _keystone(layout, addresses.alt_1_url, "keystone-alt-1"),
        "environments.alt-1.site": _site(layout, addresses.alt_1, "keystone-alt-1", layout.alt_1_site),
        "environments.alt-1.providers.egi": _provider(layout, "hub"),
        "environments.alt-1.offline": {"key": _fernet_key(layout, "alt-1-offline-key")},
    }
    _write(layout, layout.clouds, {**shared, **environments})


def _write(layout: Layout, file: Path, document: Mapping[str, Mapping[str, object]]) -> None:
    lines = ["# Written by the lab at every start.", f'policy_dir = "{layout.policy}"', "lab = true"]
    for section, values in document.items():
        lines += ["", f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
    write_if_changed(file, "\n".join(lines) + "\n")


def _keystone(layout: Layout, url: str, server: str = "keystone") -> Mapping[str, object]:
    return {
        "auth_url": url,
        "ca_file": layout.ca_file,
        "username": "admin",
        "password": _secret(layout, f"{server}-admin"),
        "project": "admin",
    }


def _site(layout: Layout, port: int, server: str = "keystone", generated: Path | None = None) -> Mapping[str, object]:
    return {
        "dashboard_url": layout.addresses.horizon_url,
        "keystone_listen": f"127.0.0.1:{port}",
        "keystone_upstream": f"unix:{socket_path(layout, server)}|uwsgi://keystone",
        "tls_cert": layout.tls_cert,
        "tls_key": layout.tls_key,
        "provider_ca_file": layout.run / "ca.pem",
        "callback_template": (generated or layout.site) / "sso_callback_template.html",
        "crypto_passphrase": _secret(layout, "apache-crypto"),
        # So that EC2 credentials work in the lab, and can be seen to end.
        "keystone_auth_methods": ["ec2credential"],
        # A site takes a minute; here people want to see a withdrawal work.
        "introspection_interval_seconds": 2,
    }


def write_site(layout: Layout) -> None:
    """Generate Apache's, Keystone's and Horizon's files as a site would, checked by Apache where there is one."""
    site = wire_site_config(load_settings(str(layout.settings)))
    if is_installed():
        site.write(layout.site)
    else:
        site.write(layout.site, module_version=_DEBIAN_MODULE, check=False)


def _provider(layout: Layout, provider: str) -> Mapping[str, object]:
    return {
        "client_id": "p3idp",
        "client_secret": _secret(layout, client_secret_name("p3idp", provider)),
        "ca_file": layout.ca_file,
        "keystone_client_id": "keystone",
        "keystone_client_secret": _secret(layout, client_secret_name("keystone", provider)),
        "introspection_cache_seconds": 1,
        # Two providers cannot share the name: the settings refuse that.
        **({"command_line_client": "p3idp-cli"} if provider == "egi" else {}),
    }


def _secret(layout: Layout, name: str) -> Mapping[str, object]:
    return {"file": layout.secret_file(name)}


def _fernet_key(layout: Layout, name: str) -> Mapping[str, object]:
    """32 random bytes in URL-safe base64 are a Fernet key as soon as the padding is there."""
    file = layout.secret_file(name)
    text = file.read_text(encoding="ascii").strip()
    if not text.endswith("="):
        write_private(file, f"{text}=\n")
    return {"file": file}


def write_policy(layout: Layout) -> None:
    """Copy the example policy where this lab listens elsewhere, and again when the example has changed."""
    copied, version = layout.state / "mappings-copied", _digest(EXAMPLE)
    if layout.policy == EXAMPLE or (copied.exists() and copied.read_text(encoding="ascii") == version):
        return
    shutil.rmtree(layout.policy, ignore_errors=True)
    shutil.copytree(EXAMPLE, layout.policy)
    for file in layout.policy.rglob("*.yaml"):
        file.write_text(_with_ports_of(layout.addresses, file.read_text(encoding="utf-8")), encoding="utf-8")
    write_private(copied, version)


def _digest(folder: Path) -> str:
    """What the example says now: a copy that somebody edits stays theirs until the example itself changes."""
    return sha256(b"".join(file.read_bytes() for file in sorted(folder.rglob("*.yaml")))).hexdigest()


def _with_ports_of(addresses: Addresses, text: str) -> str:
    for name in Addresses.__dataclass_fields__:
        text = text.replace(f"localhost:{getattr(Addresses(), name)}", f"localhost:{getattr(addresses, name)}")
    return text


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
