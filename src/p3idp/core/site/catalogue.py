"""All checks of the doctor: what each looks at, what a failure does to people, and what to try.

Owns the words. A check's name is stable: scripts ask for it, and docs/how-to/configure-keystone.md lists it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_APPLY = "Run `p3idp plan`, review it, and `p3idp apply` it."
_AGAIN = "Generate Apache's configuration again (`p3idp site config`) and reload Apache."
_BARE = "Every sign-in is a bare 401"


@dataclass(frozen=True, slots=True)
class Check:
    """One check in words: ``asks`` is the question it answers."""

    asks: str
    means: str
    remedy: str


CHECKS: Mapping[str, Check] = {
    # ---- the site's own files
    "settings": Check("Can the settings be read?", "Nothing of p3idp runs.", "Correct the file named."),
    "policy": Check("Can the policy be read?", "Nothing can be planned or decided.", "Correct the lines named."),
    # ---- the identity provider
    "provider-reachable": Check(
        "Does the provider publish its configuration?",
        "Nobody signs in.",
        "Try the address with curl from this host; check proxy, name service and firewall.",
    ),
    "provider-certificate": Check(
        "Is the provider's certificate trusted?",
        "p3idp and Apache refuse to speak to it.",
        "Name its CA with ca_file in [providers.<id>]; check the certificate's names and dates.",
    ),
    "discovery-issuer": Check(
        "Does the provider call itself what the policy calls it?",
        "Tokens name another issuer than the policy, to the letter; all are refused.",
        "Write the issuer exactly as the provider publishes it: slash, case and port count.",
    ),
    "provider-endpoints": Check(
        "Are all endpoints https and on the issuer's own host?",
        "p3idp sends no secret and no token to another host than the issuer's, so sign-ins are refused.",
        "Ask the provider's operators: an endpoint elsewhere is how a false document begins.",
    ),
    "pkce": Check(
        "Does the provider offer PKCE with S256?",
        "A stolen code is good in another browser.",
        "Turn PKCE on for the clients at the provider; everything p3idp generates sends it.",
    ),
    "code-flow": Check(
        "Does the provider offer the authorization code flow?",
        "Signing in does not work.",
        "Is this the right issuer? Check-in offers the code flow and no implicit one.",
    ),
    "scopes": Check(
        "Does the provider know the policy's scopes?",
        "An unknown scope brings no claims: people arrive without entitlements.",
        "Correct the scopes of this provider in the policy's site file.",
    ),
    "signing-keys": Check(
        "Does the provider publish a key that p3idp believes?",
        "Every token is refused.",
        "It must publish an RSA key of 2048 bits or more, or an EC key, for signatures.",
    ),
    "introspection-address": Check(
        "Does Apache ask about tokens where the provider answers?",
        "Sign-ins from a command line end in a 401 at Apache.",
        "Set introspection_url in [providers.<id>] to the published address, and generate again.",
    ),
    "introspection-client": Check(
        "Does the provider answer p3idp's and Apache's clients about tokens?",
        "The exchange, or sign-ins from a command line, end in a refusal for everybody.",
        "Compare client id and secret with the provider's registration; only confidential clients may ask.",
    ),
    "command-line-client": Check(
        "Does the policy honour the client that `p3idp login` is told?",
        "The broker tells nobody of it: people have to know issuer and client before they can sign in.",
        "List the client among the provider's issuing_clients in the policy, apply that, and restart the broker.",
    ),
    "clock": Check(
        "Do the clocks agree?",
        "Tokens look expired or not yet valid, and people are sent away at random.",
        "Let NTP set the clocks (`timedatectl` shows the state), here and there.",
    ),
    # ---- Keystone
    "keystone-reachable": Check(
        "Does Keystone answer with version 3?",
        "Nothing works.",
        "Check [keystone] auth_url, and that Keystone and Apache run.",
    ),
    "keystone-certificate": Check(
        "Is Keystone's certificate trusted?",
        "p3idp refuses to speak to it.",
        "Name its CA with ca_file in [keystone]; check the certificate's names and dates.",
    ),
    "keystone-credentials": Check(
        "Do p3idp's credentials work?",
        "Nothing can be planned, and nothing applied.",
        "Check [keystone] in the settings: user, domain, and the secret it refers to.",
    ),
    "keystone-rights": Check(
        "May p3idp's account read federation, groups and grants?",
        "p3idp cannot see what Keystone holds.",
        "Reading needs the role reader on the system, or admin; applying needs admin.",
    ),
    "issuer-length": Check(
        "Can Keystone store the policy's issuers?",
        "Keystone 29 and newer refuse more than 64 characters: nobody from there gets in.",
        "Ask the provider for a shorter issuer, or put a proxy provider in between.",
    ),
    "idp-exists": Check("Does Keystone know the identity provider?", "Every sign-in ends in a 404.", _APPLY),
    "idp-enabled": Check(
        "Is it enabled?",
        "Every sign-in ends in a 403; tokens issued before stay good.",
        "`openstack identity provider set --enable ID`, unless somebody disabled it on purpose.",
    ),
    "idp-issuers": Check(
        "Does Keystone accept the policy's issuers, and no others?",
        "Sign-ins from a missing issuer end in a 403; a surplus one lets strangers in; with none, any issuer does.",
        _APPLY,
    ),
    "idp-owned": Check(
        "Does it carry this policy's mark?",
        "p3idp will not change it: it may be somebody else's.",
        "`p3idp plan` names the finding under which it can be adopted.",
    ),
    "idp-domain": Check(
        "Do its people belong to the policy's domain?",
        "Groups are looked for in another domain: sign-ins work and bring no roles.",
        "A domain is chosen once: name it in the policy, or make the identity provider anew (with new people).",
    ),
    "authorization-ttl": Check(
        "Does group membership outlive the sign-in, as the policy says?",
        "With 0, no application credential or trust can be made, and the exchange cannot keep a token short.",
        _APPLY,
    ),
    "protocol-exists": Check("Has it the policy's protocol?", "Every sign-in ends in a 404.", _APPLY),
    "protocol-remote-id": Check(
        "Does the protocol read the issuer where Apache puts it?", f"{_BARE}: Keystone sees no issuer.", _APPLY
    ),
    "mapping-exists": Check(
        "Is the protocol's mapping there?",
        "Keystone lets a mapping be deleted while in use; every sign-in ends in a 404.",
        _APPLY,
    ),
    "mapping-claim-names": Check(
        "Does the mapping read claims as Apache passes them?",
        f"{_BARE}: names such as HTTP_OIDC_SUB are never there, and if they are, a client may have sent them.",
        _APPLY,
    ),
    "mapping-schema": Check(
        "Has the mapping kept its schema version?",
        "`openstack mapping set` and Horizon drop it; 1.0 reads domains differently, 3.0 deletes grants made by hand.",
        _APPLY,
    ),
    "mapping-drift": Check(
        "Is the mapping what the policy compiles to?",
        "People get other access than the reviewed policy says.",
        "Find out who changed it (Keystone's log), then run `p3idp plan` and apply it.",
    ),
    "groups-and-grants": Check(
        "Are the policy's projects, groups and role assignments there?",
        "Keystone skips a missing group silently: people sign in and have no roles.",
        _APPLY,
    ),
    # ---- Apache, from outside
    "bearer-path": Check(
        "Does Apache guard the path where an access token becomes a Keystone token?",
        "Nobody gets in from a command line, or whoever holds any service's token does.",
        _AGAIN,
    ),
    "bearer-options": Check(
        "Does Apache keep OPTIONS without a token away from Keystone there?",
        "The module lets it pass unauthenticated.",
        _AGAIN,
    ),
    "forged-claims": Check(
        "Are claims that a client sends as headers ignored?",
        "Anyone may come in as anyone.",
        "Take Keystone off the network now; then let Apache guard the path, and set assertion_prefix = OIDC-.",
    ),
    "bypass": Check(
        "Is Keystone's administrative address guarded too?",
        "A client can send HTTP_OIDC_… headers there; a mapping that reads those believes them.",
        "Bind that listener to the hosts that need it, and keep assertion_prefix = OIDC- in keystone.conf.",
    ),
    "websso-redirect": Check(
        "Does Apache send browsers to the provider, by code flow, with PKCE, as Keystone's client?",
        "Nobody gets in through Horizon, or a stolen code is good.",
        _AGAIN,
    ),
    "websso-scopes": Check(
        "Does Apache ask for the policy's scopes?",
        "People bring other groups by browser than by command line; Keystone then ends their earlier tokens.",
        _AGAIN,
    ),
    "long-headers": Check(
        "Does a long header pass Apache and Keystone's WSGI server?",
        "People with many groups get an error that no log of Keystone explains.",
        "LimitRequestFieldSize 65535 in Apache, buffer-size = 65535 in uWSGI; a balancer in front has a limit too.",
    ),
    # ---- Apache, from its files
    "apache-provider": Check("Has Apache's configuration a virtual host for the provider?", "Nobody signs in.", _AGAIN),
    "apache-contradiction": Check(
        "Is every directive said once?",
        "The last one holds, and whoever reads the first believes something else.",
        "Keep one of each.",
    ),
    "apache-debug-log": Check(
        "Is logging quieter than debug?",
        "The module writes tokens and everybody's claims into the log.",
        "LogLevel warn; then shred the old log.",
    ),
    "apache-token-log": Check(
        "Does the module name entries of its cache by a hash?",
        "It names them by the access token itself, and writes it into the error log where the name is too long.",
        "OIDCCacheEncrypt On; then shred the old log.",
    ),
    "apache-scopes": Check(
        "Does OIDCScope name all scopes of the policy?",
        "Browsers bring fewer claims than command lines: no access, or tokens that end one another.",
        _AGAIN,
    ),
    "apache-response-type": Check(
        "Is the response type code?",
        "Check-in offers no implicit flow: every browser sign-in ends in an error there.",
        "OIDCResponseType code",
    ),
    "apache-pkce": Check(
        "Is PKCE on?",
        "Where it is required of the client, the provider refuses every sign-in; elsewhere a stolen code is good.",
        "OIDCPKCEMethod S256",
    ),
    "apache-delimiter": Check(
        "Are several values joined by what Keystone splits at?",
        "Keystone splits at semicolons only: several entitlements reach it as one and match nothing. From 2.4.20 on, a "
        "semicolon inside a value is escaped, which Keystone does not undo.",
        "OIDCClaimDelimiter ;  (p3idp refuses values with a semicolon on its own paths; entitlements hold none)",
    ),
    "apache-claim-prefix": Check(
        "Are claims called OIDC-…?", f"{_BARE}: the mapping looks for OIDC-… names.", "OIDCClaimPrefix OIDC-"
    ),
    "apache-pass-claims": Check(
        "Are claims passed as variables, in an encoding that keeps all letters?",
        f"{_BARE}; or headers that a client can forge; or question marks for letters; or Apache does not start.",
        "OIDCPassClaimsAs environment, and from 2.4.15 on: OIDCPassClaimsAs environment none",
    ),
    "apache-introspection": Check(
        "Is the provider asked about bearer tokens?",
        "By signature alone, Check-in's tokens bring no entitlements, and a token of any service counts.",
        _AGAIN,
    ),
    "apache-keys": Check(
        "Are the tokens of a provider that is `verified_by: keys` verified by its keys?",
        "They are refused, or believed on another word than the policy's.",
        _AGAIN,
    ),
    "apache-introspection-interval": Check(
        "Is an answer about a token believed for a short time only?",
        "Who is removed from a community keeps access until the token expires.",
        "OIDCOAuthTokenIntrospectionInterval 60, or less",
    ),
    "apache-foreign-clients": Check(
        "Does Apache refuse tokens of clients that the policy does not name?",
        "Only the mapping in Keystone stands between another service's tokens and this site.",
        _AGAIN,
    ),
    "apache-plain-http": Check("Are all the module's addresses https?", "Codes and tokens can be read.", "Use https."),
    "apache-tls-verified": Check(
        "Does Apache verify the provider's certificate?",
        "Whoever sits on the way can answer for the provider, and let anyone in.",
        "Take the line out, and name the provider's CA with OIDCCABundlePath.",
    ),
    "apache-sizes": Check(
        "Do Apache's limits hold a person with 60 entitlements?",
        "They do not get in, and see an error that names nothing.",
        _AGAIN,
    ),
    "apache-redirect-uri": Check(
        "Is the redirect address none of Keystone's own?",
        "The module swallows Keystone's answers there.",
        "OIDCRedirectURI https://…/v3/redirect_uri",
    ),
    "apache-html-template": Check(
        "Is OIDCHTMLErrorTemplate left out?",
        "Releases from 2.4.16.2 on do not know it, and Apache does not start after the upgrade.",
        "Take the line out.",
    ),
    "apache-secrets": Check(
        "Are files with secrets closed to others?", "Any account on the host can be Keystone.", "chmod 0600"
    ),
    # ---- keystone.conf
    "auth-methods": Check(
        "Are the methods of federated sign-in on, and external off?",
        "Keystone refuses sign-ins, tokens or application credentials; with external, REMOTE_USER signs people in.",
        "methods = password,token,openid,mapped,application_credential",
    ),
    "remote-id-attribute": Check(
        "Does keystone.conf read the issuer where Apache puts it?",
        f"{_BARE}, or the issuer is read from a header that a client can send.",
        "remote_id_attribute = OIDC-iss, in the section named as the protocol",
    ),
    "assertion-prefix": Check(
        "Does Keystone look at nothing but what Apache verified?",
        "A mapping may read HTTP_… variables, which are headers that clients send.",
        "assertion_prefix = OIDC-, unless other federation plug-ins need other names",
    ),
    "trusted-dashboard": Check(
        "Is the dashboard trusted, to the letter and with the slash?",
        "After signing in, people see a raw 401 (localhost and 127.0.0.1 are not the same either).",
        "trusted_dashboard = https://DASHBOARD/auth/websso/, one line each",
    ),
    "callback-template": Check(
        "Is the callback template there?",
        "Horizon sign-ins end in a 500, after the provider's page.",
        "Copy the generated sso_callback_template.html there.",
    ),
    "keystone-debug": Check(
        "Is debugging off?",
        "Keystone logs whole assertions, or tells strangers why it refused them.",
        "debug = false, insecure_debug = false",
    ),
    # ---- one person's way
    "token-verified": Check("Does p3idp believe the token?", "The broker refuses this person.", "Get a fresh one."),
    "token-policy": Check(
        "Does the policy give this person anything?",
        "They sign in and reach no project.",
        "The broker's page says which entitlement would be needed, and whom to ask.",
    ),
    "token-login": Check(
        "Does Keystone let this person in through Apache?",
        "They get no Keystone token from a command line.",
        "The failed checks above come first; then compare the token's client and entitlements with the policy.",
    ),
    "token-projects": Check(
        "Does Keystone give what the policy gives?",
        "The person has other access than the reviewed policy says.",
        _APPLY,
    ),
}
