"""keystoneauth's way to the plugins: ``v3p3idp`` and ``v3p3idptoken``. Owns their options.

`openstack` reads the options of every plugin that is installed, whichever it uses, each time it starts. So this module
imports nothing but keystoneauth; the plugins are in exchanged.py and signed_in.py.
"""

from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions, loading

if TYPE_CHECKING:
    from keystoneauth1.identity.v3 import base

_SOURCES = ("access_token_file", "access_token_env")


class P3idpLoader(loading.BaseLoader["base.BaseAuth"]):
    """The options of ``auth_type: v3p3idp``."""

    @property
    def plugin_class(self) -> "type[base.BaseAuth]":
        """What is loaded where an access token is named."""
        from p3idp.client.exchanged import P3idp

        return P3idp

    def create_plugin(self, **given: Any) -> "base.BaseAuth":
        """Without an access token's place: the sign-in of `p3idp login`, which needs no broker named either."""
        given = {name: value for name, value in given.items() if value}
        given["auth_url"] = given.pop("keystone_url", None) or given.get("auth_url")
        cloud = given.pop("p3idp_cloud", None)
        if not any(name in given for name in _SOURCES):
            from p3idp.client.signed_in import SignedIn  # what reads the cache is not waited for by others

            return SignedIn(**given, cloud=cloud)
        if "broker" not in given:
            raise exceptions.MissingRequiredOptions([opt for opt in self.get_options() if opt.dest == "broker"])
        return self.plugin_class(**given)

    def get_options(self) -> list[loading.Opt]:
        """The broker, where the access token is, and the project."""
        return [
            *super().get_options(),
            # By another name inside: openstackclient asks for an `auth_url` wherever a plugin has one.
            loading.Opt("auth-url", dest="keystone_url", help="Keystone's address, where the broker does not say it"),
            loading.Opt("broker", help="Address of the p3idp broker"),
            loading.Opt("p3idp-cloud", help="Cloud of `p3idp login`, where no access token is named"),
            loading.Opt("broker-cacert", help="CA bundle of the broker, where it differs from Keystone's"),
            loading.Opt("access-token-file", help="File that holds the identity provider's access token"),
            loading.Opt("access-token-env", help="Name of the environment variable that holds it"),
            loading.Opt("project-id", help="Project ID to scope to"),
            loading.Opt("project-name", help="Project name to scope to"),
            loading.Opt("project-domain-name", help="Domain name containing project"),
        ]


class KeystoneTokenLoader(loading.BaseIdentityLoader["base.BaseAuth"]):
    """The options of ``auth_type: v3p3idptoken``."""

    @property
    def plugin_class(self) -> "type[base.BaseAuth]":
        """What is loaded."""
        from p3idp.client.exchanged import KeystoneToken

        return KeystoneToken

    def get_options(self) -> list[loading.Opt]:
        """The token; its project is in it."""
        return [*super().get_options(), loading.Opt("token", secret=True, required=True, help="Keystone token")]
