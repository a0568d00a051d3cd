"""Generated configuration, and the doctor."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import wire_access, wire_policy
from p3idp.wiring.broker_api import wire_command_line_client
from p3idp.wiring.environment import now
from p3idp.wiring.login import wire_federated_login, wire_verifier

if TYPE_CHECKING:
    from p3idp.ops.doctor import Doctor
    from p3idp.ops.site_config import SiteConfig
    from p3idp.settings import Settings


def wire_site_config(settings: "Settings") -> "SiteConfig":
    """The generated configuration of Apache, Keystone and Horizon."""
    from p3idp.adapters.apache.installed import InstalledApache
    from p3idp.adapters.config_directory import FileDirectory
    from p3idp.adapters.templates import JinjaRenderer
    from p3idp.ops.site_config import SiteConfig
    from p3idp.ops.site_facts import site_facts

    policy = wire_policy(settings)
    return SiteConfig(policy, site_facts(policy, settings), JinjaRenderer(), InstalledApache(), FileDirectory)


def wire_doctor(settings: "Settings", apache_config: str | None, keystone_config: "tuple[str, ...]") -> "Doctor":
    """The chain of the settings' site; the files are the generated ones where none are named."""
    from p3idp.adapters.apache.installed import InstalledApache
    from p3idp.adapters.probe import HttpProbe
    from p3idp.adapters.site_files import LocalFiles
    from p3idp.ops.doctor import Doctor
    from p3idp.ops.doctor_apache import ApacheLinks
    from p3idp.ops.doctor_files import FileLinks
    from p3idp.ops.doctor_provider import ProviderLink
    from p3idp.ops.doctor_token import TokenLinks
    from p3idp.ops.site_facts import clients_at, dashboards, generated_files, introspection_url

    policy = wire_policy(settings)
    keystone, own = settings.keystone, {p.id: settings.providers.get(p.id) for p in policy.site.identity_providers}
    trusted = dashboards(settings)
    files = LocalFiles()
    generated = generated_files(settings, lambda path: files.read(path) is not None)
    return Doctor(
        policy=policy,
        providers=tuple(
            ProviderLink(provider, HttpProbe(ours.ca_file), introspection_url(provider, ours), clients_at(ours))
            for provider in policy.site.identity_providers
            if (ours := own[provider.id]) is not None
        ),
        reader=lambda: wire_access(settings).reader,
        apache=ApacheLinks(
            probe=HttpProbe(keystone.ca_file, keystone.timeout_seconds),
            public_url=keystone.login_url,
            admin_url=keystone.auth_url,
            dashboard=trusted[0] if trusted else "https://dashboard.invalid/auth/websso/",
            clients={str(id): ours.keystone_client_id for id, ours in own.items() if ours and ours.keystone_client_id},
        ),
        files=FileLinks(
            files, InstalledApache(), apache_config or generated[0], keystone_config or generated[1], trusted
        ),
        token=TokenLinks(lambda: wire_verifier(settings, policy), lambda: wire_federated_login(settings)),
        clock=now,
        command_line=wire_command_line_client(settings, policy),
    )
