"""Judge Apache in front of Keystone by its answers to requests without a token. Owns what each answer means."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from p3idp.core.policy.model import IdentityProvider
from p3idp.core.site.findings import Finding, fail, ok, warn


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, without its body: status and headers, their names in lower case."""

    status: int
    headers: Mapping[str, str]

    @property
    def is_bearer_challenge(self) -> bool:
        """Whether Apache's module asks for an access token (RFC 6750 section 3)."""
        return self.status == 401 and self.headers.get("www-authenticate", "").lower().startswith("bearer")


# Sent to see that nobody believes them. Every one of them would let its sender in as somebody, if read.
SPOOFED = {
    "OIDC-sub": "p3idp-doctor", "OIDC-iss": "p3idp-doctor", "OIDC_sub": "p3idp-doctor", "OIDC_iss": "p3idp-doctor",
    "Oidc-Eduperson-Entitlement": "p3idp-doctor", "Remote-User": "p3idp-doctor", "X-Remote-User": "p3idp-doctor",
}  # fmt: skip


def judge_bearer(provider: IdentityProvider, plain: Answer, spoofed: Answer) -> tuple[Finding, Finding]:
    """The path where a token becomes a Keystone token, asked without one: bare, and with forged claims."""
    wanted_open = bool(provider.issuing_clients or provider.audiences)
    return _guard(provider, plain, wanted_open), _forged(provider, spoofed)


def _guard(provider: IdentityProvider, answer: Answer, wanted_open: bool) -> Finding:
    check, subject = "bearer-path", provider.id
    if answer.is_bearer_challenge and wanted_open:
        return ok(check, subject, "Without a token Apache answers 401 and asks for a bearer token.")
    if answer.status in (403, 404) and not wanted_open:
        return ok(check, subject, "The policy names no clients, and Apache keeps the path closed.")
    if answer.is_bearer_challenge:
        return warn(
            check,
            subject,
            "Apache takes tokens here, and the policy names neither issuing_clients nor audiences.",
            "Whoever holds any service's token of this provider may come in.",
            "Name issuing_clients in the policy, or generate Apache's configuration again: the path is then closed.",
        )
    if 300 <= answer.status < 400:
        found = f"Apache redirects ({answer.status}): the path has AuthType openid-connect."
    elif answer.status == 403:
        found = "Apache answers 403: the path is closed, though the policy names clients."
    elif answer.status == 401:
        found = "Keystone answers 401 itself: Apache does not guard this path, so no claims ever reach Keystone."
    else:
        found = f"The answer is {answer.status} instead of a 401 that asks for a bearer token."
    return fail(
        check, subject, found, "Nobody gets in from a command line.",
        "Generate Apache's configuration again (`p3idp site config`) and reload Apache; look at the address too.",
    )  # fmt: skip


def _forged(provider: IdentityProvider, answer: Answer) -> Finding:
    if answer.status in (401, 403, 404):
        return ok("forged-claims", provider.id, "Claims that a client sends as headers are not believed.")
    return fail(
        "forged-claims",
        provider.id,
        f"A request with forged OIDC headers and no token was answered with {answer.status}.",
        "Anyone may come in as anyone.",
        "Take Keystone off the network now. Then let Apache unset these headers and guard the path, "
        "and set assertion_prefix = OIDC- in keystone.conf.",
    )


def judge_bypass(provider: IdentityProvider, address: str, answer: Answer) -> Finding:
    """The same path at the administrative address: an answer of Keystone's own shows a way around Apache."""
    if answer.is_bearer_challenge or answer.status in (403, 404):
        return ok("bypass", address, "Apache guards this address too.")
    return warn(
        "bypass",
        f"{provider.id} at {address}",
        "Keystone answers here without Apache in front.",
        "A client can send HTTP_OIDC_… headers here; a mapping that reads those would believe them.",
        "Bind this listener to the hosts that need it, and keep assertion_prefix = OIDC- in keystone.conf.",
    )


def judge_websso(
    provider: IdentityProvider, client_id: str | None, authorization_endpoint: str | None, answer: Answer
) -> tuple[Finding, ...]:
    """The browser's way in: where Apache sends it, as whom, and asking for what."""
    check, subject = "websso-redirect", provider.id
    target = answer.headers.get("location", "")
    if not 300 <= answer.status < 400:
        means = "Nobody gets in through Horizon."
        remedy = "Protect the websso locations with AuthType openid-connect: generate the configuration again."
        return (fail(check, subject, f"The websso path answers {answer.status} instead of a redirect.", means, remedy),)
    query = {key: values[0] for key, values in parse_qs(urlsplit(target).query).items()}
    wrong = []
    if authorization_endpoint and target.split("?")[0] != authorization_endpoint:
        wrong.append(f"goes to {target.split('?')[0]} instead of {authorization_endpoint}")
    if client_id and query.get("client_id") != client_id:
        wrong.append(f"comes as client {query.get('client_id')} instead of {client_id}")
    if query.get("response_type") != "code":
        wrong.append(f"asks for {query.get('response_type')} (Check-in offers code only)")
    if query.get("code_challenge_method") != "S256":
        wrong.append("carries no PKCE challenge (S256)")
    means = "Signing in through Horizon ends in an error at the provider, or is open to a stolen code."
    remedy = "Generate Apache's configuration again and reload Apache."
    redirect = (
        fail(check, subject, f"The redirect {'; '.join(wrong)}.", means, remedy)
        if wrong
        else ok(check, subject, "Browsers go to the provider, by code flow with PKCE, as Keystone's client.")
    )
    return redirect, _scopes(provider, query.get("scope", ""))


def _scopes(provider: IdentityProvider, asked: str) -> Finding:
    lacking = sorted(set(provider.scopes) - set(asked.split()))
    surplus = sorted(set(asked.split()) - set(provider.scopes))
    if not lacking and not surplus:
        return ok("websso-scopes", provider.id, "Apache asks for the scopes of the policy.")
    parts = [f"Apache does not ask for {', '.join(lacking)}"] * bool(lacking)
    parts += [f"Apache also asks for {', '.join(surplus)}"] * bool(surplus)
    return fail(
        "websso-scopes",
        provider.id,
        "; ".join(parts) + ".",
        "People arrive with other entitlements by browser than by command line; Keystone then ends their earlier tokens "
        "at every sign-in.",
        "Set OIDCScope to the policy's scopes: generate the configuration again and reload Apache.",
    )


def judge_long_header(subject: str, size: int, answer: Answer) -> Finding:
    """A request with one long header, as a token or a person with many entitlements brings it."""
    if answer.status < 400 or answer.status == 401:
        return ok("long-headers", subject, f"A header of {size} bytes passes Apache and Keystone's WSGI server.")
    where = "Apache (LimitRequestFieldSize)" if answer.status in (400, 413, 431) else "the WSGI server (buffer-size)"
    return fail(
        "long-headers",
        subject,
        f"A request with a header of {size} bytes is answered with {answer.status}, by {where}.",
        "People with many groups get an error that no log of Keystone explains.",
        "Set LimitRequestFieldSize 65535 in Apache, and buffer-size = 65535 in uWSGI; a balancer in front has one too.",
    )
