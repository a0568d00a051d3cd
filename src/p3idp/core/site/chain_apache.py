"""Judge Apache in front of Keystone by its answers to requests without a token. Owns what each answer means."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from p3idp.core.policy.model import IdentityProvider
from p3idp.core.site.findings import Finding, fail, ok, warn


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply: status, headers (names in lower case), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def is_bearer_challenge(self) -> bool:
        """Whether Apache's module asks for an access token (RFC 6750 section 3)."""
        return self.status == 401 and self.headers.get("www-authenticate", "").lower().startswith("bearer")


# Sent to see that nobody believes them. Any of them would let its sender in as somebody, if read.
FORGED = {
    name: "p3idp-doctor"
    for name in ("OIDC-sub", "OIDC-iss", "OIDC_sub", "OIDC_iss", "OIDC-azp", "Remote-User", "X-Remote-User")
}


def judge_bearer(provider: IdentityProvider, answer: Answer) -> Finding:
    """The path where a token becomes a Keystone token, asked without one."""
    check, subject = "bearer-path", provider.id
    wanted_open = bool(provider.issuing_clients or provider.audiences)
    if answer.is_bearer_challenge and wanted_open:
        return ok(check, subject, "Without a token Apache answers 401 and asks for a bearer token.")
    if answer.status in (403, 404) and not wanted_open:
        return ok(check, subject, "The policy names no clients, and Apache keeps the path closed.")
    if answer.is_bearer_challenge:
        return fail(
            check, subject, "Apache takes tokens, though the policy names neither issuing_clients nor audiences."
        )
    return fail(check, subject, _what_is_wrong(answer))


def _what_is_wrong(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return f"Apache redirects ({answer.status}): the path is a browser's (AuthType openid-connect)."
    if answer.status == 401:
        return "Keystone answers 401 itself: Apache does not guard this path, so no claim ever reaches Keystone."
    if answer.status == 403:
        return "Apache answers 403: the path is closed, though the policy names clients."
    return f"The answer is {answer.status} instead of a 401 that asks for a bearer token."


def judge_options(provider: IdentityProvider, answer: Answer) -> Finding:
    """OPTIONS, which the module lets pass without a token."""
    if answer.status in (401, 403, 404, 405):
        return ok("bearer-options", provider.id, f"OPTIONS is answered with {answer.status}.")
    return warn("bearer-options", provider.id, f"OPTIONS without a token is answered with {answer.status}.")


def judge_forged(provider: IdentityProvider, answer: Answer) -> Finding:
    """The same path with forged claims in the headers and no token."""
    if answer.status in (401, 403, 404):
        return ok("forged-claims", provider.id, "Claims that a client sends as headers are not believed.")
    return fail("forged-claims", provider.id, f"A request with forged claims and no token is answered {answer.status}.")


def judge_bypass(provider: IdentityProvider, address: str, answer: Answer) -> Finding:
    """The same path at the administrative address: an answer of Keystone's own shows a way around Apache."""
    if answer.is_bearer_challenge or answer.status in (403, 404):
        return ok("bypass", f"{provider.id} at {address}", "Apache guards this address too.")
    return warn("bypass", f"{provider.id} at {address}", f"Keystone answers here itself ({answer.status}).")


def judge_websso(
    provider: IdentityProvider, client_id: str | None, authorization_endpoint: str | None, answer: Answer
) -> tuple[Finding, ...]:
    """The browser's way in: where Apache sends it, as whom, and asking for what."""
    if not 300 <= answer.status < 400:
        found = f"The websso path answers {answer.status} instead of a redirect to the provider."
        return (fail("websso-redirect", provider.id, found),)
    target, _, asked = answer.headers.get("location", "").partition("?")
    query = {key: values[0] for key, values in parse_qs(asked).items()}
    wrong = []
    if authorization_endpoint and target != authorization_endpoint:
        wrong.append(f"goes to {target} instead of {authorization_endpoint}")
    if client_id and query.get("client_id") != client_id:
        wrong.append(f"comes as client {query.get('client_id')} instead of {client_id}")
    if query.get("response_type") != "code":
        wrong.append(f"asks for {query.get('response_type')} instead of code")
    if query.get("code_challenge_method") != "S256":
        wrong.append("carries no PKCE challenge (S256)")
    redirect = (
        fail("websso-redirect", provider.id, f"The redirect {'; '.join(wrong)}.")
        if wrong
        else ok("websso-redirect", provider.id, "Browsers go to the provider, by code flow, with PKCE.")
    )
    return redirect, _scopes(provider, set(query.get("scope", "").split()))


def _scopes(provider: IdentityProvider, asked: set[str]) -> Finding:
    lacking, surplus = sorted(set(provider.scopes) - asked), sorted(asked - set(provider.scopes))
    parts = [f"Apache does not ask for {', '.join(lacking)}"] * bool(lacking)
    parts += [f"Apache also asks for {', '.join(surplus)}"] * bool(surplus)
    if parts:
        return fail("websso-scopes", provider.id, "; ".join(parts) + ".")
    return ok("websso-scopes", provider.id, "Apache asks for the scopes of the policy.")


def judge_long_header(subject: str, size: int, answer: Answer) -> Finding:
    """A request with one long header, as a long token or many entitlements bring it."""
    if answer.status < 400 or answer.status == 401:
        return ok("long-headers", subject, f"A header of {size} bytes passes Apache and Keystone's WSGI server.")
    where = "Apache's limit" if answer.status in (400, 413, 431) else "the WSGI server's buffer"
    return fail("long-headers", subject, f"A header of {size} bytes is answered with {answer.status}: {where}.")
