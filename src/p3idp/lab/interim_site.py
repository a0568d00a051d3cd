"""A hand-written site configuration, until `p3idp site config` can write it. To be removed then."""

from p3idp.lab.layout import Layout, write_if_changed
from p3idp.lab.servers.checkin import client_secret_name

_KEYSTONE = """\
[auth]
methods = password,token,openid,mapped,application_credential
[openid]
remote_id_attribute = OIDC-iss
[federation]
assertion_prefix = OIDC-
trusted_dashboard = {horizon}/auth/websso/
sso_callback_template = {site}/sso_callback_template.html
attribute_mapping_default_schema_version = 2.0
"""
_CALLBACK = """\
<!doctype html><form id="sso" action="$host" method="post"><input type="hidden" name="token" value="$token"></form>
<script>document.getElementById("sso").submit()</script>
"""
_APACHE = """\
Listen 127.0.0.1:{port}
LimitRequestFieldSize 65536
OIDCCacheShmEntrySizeMax 65536
OIDCCABundlePath {run}/ca.pem
Include {site}/apache-secrets.conf
<VirtualHost 127.0.0.1:{port}>
    ServerName https://localhost:{port}
    UseCanonicalName On
    SSLEngine on
    SSLCertificateFile {cert}
    SSLCertificateKeyFile {key}
    ProxyPass /v3/redirect_uri !
    ProxyPass / unix:{run}/keystone.sock|uwsgi://keystone/
    OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
    OIDCClientID keystone
    OIDCRedirectURI https://localhost:{port}/v3/redirect_uri
    OIDCResponseType code
    OIDCPKCEMethod S256
    OIDCScope "openid profile email voperson_id eduperson_entitlement entitlements eduperson_assurance"
    OIDCClaimPrefix OIDC-
    OIDCClaimDelimiter ;
    OIDCPassClaimsAs environment
    OIDCOAuthClientID keystone
    OIDCOAuthIntrospectionEndpoint {issuer}/protocol/openid-connect/token/introspect
    OIDCOAuthIntrospectionEndpointAuth client_secret_basic
    OIDCOAuthRemoteUserClaim sub
    <Location /v3/redirect_uri>
        AuthType openid-connect
        Require valid-user
    </Location>
    <Location /v3/auth/OS-FEDERATION/websso/openid>
        AuthType openid-connect
        Require valid-user
    </Location>
    <Location /v3/auth/OS-FEDERATION/identity_providers/egi/protocols/openid/websso>
        AuthType openid-connect
        Require valid-user
    </Location>
    <Location /v3/OS-FEDERATION/identity_providers/egi/protocols/openid/auth>
        AuthType oauth20
        OIDCOAuthTokenIntrospectionInterval 2
        Require valid-user
    </Location>
</VirtualHost>
"""
_SECRETS = """\
OIDCCryptoPassphrase {passphrase}
OIDCClientSecret {secret}
OIDCOAuthClientSecret {secret}
"""


def write(layout: Layout) -> None:
    """Write what the generated configuration will hold."""
    site = layout.folder("site")
    addresses = layout.addresses
    secret = layout.secret(client_secret_name("keystone"))
    write_if_changed(site / "keystone.conf", _KEYSTONE.format(horizon=addresses.horizon_url, site=site))
    write_if_changed(site / "sso_callback_template.html", _CALLBACK)
    write_if_changed(
        site / "apache-secrets.conf", _SECRETS.format(passphrase=layout.secret("apache-crypto"), secret=secret)
    )
    values = {"port": addresses.keystone, "run": layout.run, "site": site, "issuer": addresses.issuer}
    write_if_changed(site / "apache.conf", _APACHE.format(**values, cert=layout.tls_cert, key=layout.tls_key))
