"""What a clouds.yaml entry says to have openstacksdk work in a project. Owns its members, for each way in.

None of them is a secret but an application credential's, which belongs into secure.yaml.
"""

from typing import Any

from p3idp.client.clouds import Cloud
from p3idp.client.credential_values import MadeCredential
from p3idp.errors.sign_in import CloudUnknown


def entry_of_sign_in(cloud: Cloud, project: str, auth_url: str, *, by_name: bool) -> dict[str, Any]:
    """Of the plugin `v3p3idp`. ``by_name``: name the cloud of `p3idp login`, where its broker does not tell which."""
    way = {"p3idp_cloud": cloud.name} if by_name or not cloud.broker else {"broker": cloud.broker}
    return _entry("v3p3idp", {"auth_url": auth_url, **way, **_project(project)}, cloud.ca_file)


def plain_entry(cloud: Cloud, project: str, auth_url: str) -> dict[str, Any]:
    """Of keystoneauth's own `v3oidcaccesstoken`, which needs no p3idp. Raises CloudUnknown.

    The access token is handed over in OS_ACCESS_TOKEN: it lives for an hour and belongs into no file.
    """
    missing = [name for name in ("identity_provider", "protocol") if not getattr(cloud, name)]
    if missing:
        raise CloudUnknown(
            f"For the cloud {cloud.name} these are not known: {', '.join(missing)}.",
            hint="Give them to `p3idp login`: --identity-provider and --protocol.",
        )
    way = {"identity_provider": cloud.identity_provider, "protocol": cloud.protocol}
    return _entry("v3oidcaccesstoken", {"auth_url": auth_url, **way, **_project(project)}, cloud.ca_file)


def entry_of_credential(made: MadeCredential, ca_file: str) -> dict[str, Any]:
    """Of an application credential, without its secret."""
    auth = {"auth_url": made.auth_url, "application_credential_id": made.credential.id}
    return _entry("v3applicationcredential", auth, ca_file)


def secret_of_credential(made: MadeCredential) -> dict[str, Any]:
    """What secure.yaml adds to it."""
    return {"auth": {"application_credential_secret": made.secret.reveal()}}


def variables_of_credential(made: MadeCredential, ca_file: str) -> dict[str, str]:
    """The same for programs that read the environment: OpenStack's own, gophercloud (Terraform), libcloud's callers."""
    values = {
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_AUTH_URL": made.auth_url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_APPLICATION_CREDENTIAL_ID": made.credential.id,
        "OS_APPLICATION_CREDENTIAL_SECRET": made.secret.reveal(),
    }
    return values | ({"OS_CACERT": ca_file} if ca_file else {})


def _entry(auth_type: str, auth: dict[str, Any], ca_file: str) -> dict[str, Any]:
    return {"auth_type": auth_type, "auth": auth} | ({"cacert": ca_file} if ca_file else {})


def _project(project: str) -> dict[str, str]:
    name, at, domain = project.rpartition("@")
    return {"project_name": name, "project_domain_name": domain} if at else {"project_name": project}
