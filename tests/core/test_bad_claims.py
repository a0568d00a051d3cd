"""Claims that nobody honest sends: each is an error that names the place, or a refusal; never access, never a crash."""

import json
import unicodedata
from time import perf_counter

import pytest
from policies import ISSUER, NOW, OPERATOR, PolicyFiles

from p3idp.core.policy.claims import LARGEST, read_claims
from p3idp.core.policy.model import Policy
from p3idp.errors.policy import ClaimsInvalid
from p3idp.ops.why import why_claims

MANY = [f"urn:mace:egi.eu:group:vo{n}.egi.eu:role=member" for n in range(10_000)]
GOOD = {"iss": ISSUER, "sub": "someone@egi.eu", "azp": "p3idp", "entitlements": [OPERATOR]}


@pytest.fixture(scope="module")
def policy(tmp_path_factory) -> Policy:
    return PolicyFiles(tmp_path_factory.mktemp("policy")).load()


def asked(policy: Policy, raw: bytes, provider: str | None = None):
    return why_claims(policy, read_claims(raw, "claims.json"), provider, NOW)


def claims(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_the_same_claims_unspoilt_give_access(policy):
    assert asked(policy, claims()).has_access


def test_claims_without_issuer_are_nobodys_where_there_are_several_providers(tmp_path):
    files = PolicyFiles(tmp_path)
    hub = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h}\n"
    raw = json.dumps({name: value for name, value in GOOD.items() if name != "iss"}).encode()
    assert asked(files.load(), raw).has_access
    files.change("site.yaml", "identity_providers:\n", f"identity_providers:\n{hub}")
    for there in (raw, claims(iss="https://evil.test")):
        with pytest.raises(ClaimsInvalid, match="Whose claims these are is not clear"):
            asked(files.load(), there)
    assert asked(files.load(), raw, "egi").has_access


def test_a_value_may_be_as_long_as_the_limit_says(policy):
    assert asked(policy, claims(entitlements=[OPERATOR, "x" * 2048])).has_access


NO_CLAIMS = {
    "an empty file": (b"", "claims.json: line 1, column 1: this is no JSON"),
    "a word": (b"alice", "claims.json: line 1, column 1"),
    "cut short": (claims()[:-5], "claims.json: line 1, column"),
    "a list": (b"[1]", "claims.json: not a JSON object"),
    "a text": (b'"x"', "claims.json: not a JSON object"),
    "null": (b"null", "claims.json: not a JSON object"),
    "deep JSON": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "claims.json: "),
    "rather deep JSON": (b'{"a":' * 50 + b"1" + b"}" * 50, "nested too deeply"),
    "a claim twice": (claims()[:-1] + b', "sub": "admin"}', "the name 'sub' is given twice"),
    "a claim twice, further in": (b'{"a": {"b\\u202e": 1, "b\\u202e": 2}}', "the name 'b\\u202e' is given twice"),
    "NaN": (b'{"exp": NaN}', "NaN and Infinity are not JSON"),
    "a number without end": (b'{"exp": ' + b"9" * 10_000 + b"}", "claims.json: "),
    "too large a number": (b'{"exp": 1e999}', "a number is out of range"),
    "no UTF-8": (b'{"sub": "\xff"}', "claims.json: byte 10: this is no UTF-8"),
    "UTF-16": ('{"sub": "a"}'.encode("utf-16"), "byte 1: this is no UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "claims.json: line 1, column 1"),
    "half a surrogate": (b'{"sub": "\\ud800"}', "claims.json: "),
    "bytes without end": (b" " * (LARGEST + 1), "claims.json is larger than 4 MB"),
    "entitlements as a number": (claims(entitlements=5), "Value 1 of the claim entitlements is not text but a number"),
    "entitlements as an object": (claims(entitlements={"a": 1}), "is not text but an object"),
    "a list in the list": (claims(entitlements=[OPERATOR, ["x"]]), "Value 2 of the claim entitlements is not text"),
    "null among them": (
        claims(entitlements=[OPERATOR, None]),
        "Value 2 of the claim entitlements is not text but null",
    ),
    "true for assurance": (claims(eduperson_assurance=True), "eduperson_assurance is not text but true or false"),
    "two subjects": (claims(sub=["a", "b"]), "The claim sub has 2 values; it can have one"),
    "a subject that is a number": (claims(sub=1), "Value 1 of the claim sub is not text but a number"),
    "ten thousand entitlements": (claims(entitlements=MANY), "The claim entitlements has 10,000 values"),
    "one of 1 MB": (claims(entitlements=["u" * 1_048_576]), "Value 1 of the claim entitlements has 1,048,576 char"),
    "an issuer of nobody": (claims(iss="https://evil.test"), "the issuer `https://evil.test` is none of the policy's"),
    "an issuer that steers": (claims(iss="https://\x1b[2J"), "the issuer `https://\\x1b[2J` is none of the policy's"),
}


@pytest.mark.parametrize(("raw", "says"), NO_CLAIMS.values(), ids=NO_CLAIMS)
def test_what_is_no_claims_is_an_error_that_names_the_place(policy, raw, says):
    began = perf_counter()
    with pytest.raises(ClaimsInvalid) as error:
        asked(policy, raw)
    assert says in error.value.detail
    assert len(error.value.detail) < 400
    assert error.value.exit_status == 2
    assert perf_counter() - began < 0.5


E_ACUTE = "é"
REFUSED = {
    "NUL": (claims(entitlements=[OPERATOR, "a\0b"]), "`a\\x00b`"),
    "NUL after the right one": (claims(entitlements=[OPERATOR + "\0"]), "a character that cannot be shown"),
    "CR and LF": (claims(entitlements=[OPERATOR + "\r\n"]), "\\r\\n`"),
    "a line feed in the subject": (claims(sub="a\nb"), "the claim sub holds"),
    "bidirectional marks": (claims(entitlements=["\u202e" + OPERATOR]), "`\\u202e"),
    "a mark between words": (claims(sub="some\u2066one"), "`some\\u2066one`"),
    "a semicolon": (claims(entitlements=[f"x;{OPERATOR}"]), "holds a semicolon"),
    "a list in a text": (claims(entitlements=[f"['{OPERATOR}']"]), "the beginning of a list"),
    "JSON in a text": (claims(eduperson_assurance=["JSON:{}"]), "the claim eduperson_assurance holds"),
    "nobody": (claims(sub=""), "the claim sub is empty"),
    "no subject at all": (json.dumps({"iss": ISSUER, "entitlements": [OPERATOR]}).encode(), "the claim sub is empty"),
    "another client": (claims(azp="other"), "the client `other`"),
    "a thousand of another community": (claims(entitlements=MANY[:1000]), "none of the 1,000 entitlements"),
    "a full-width twin": (claims(entitlements=[OPERATOR.replace("vo.", "\uff56\uff4f.")]), "entitlement"),
    "a composed twin": (claims(entitlements=[OPERATOR.replace("access", f"acc{E_ACUTE}ss")]), "entitlement"),
    "a decomposed twin": (
        claims(entitlements=[unicodedata.normalize("NFD", OPERATOR.replace("access", f"acc{E_ACUTE}ss"))]),
        "entitlement",
    ),
}


@pytest.mark.parametrize(("raw", "says"), REFUSED.values(), ids=REFUSED)
def test_what_no_rule_may_be_held_against_is_refused_and_told_harmlessly(policy, raw, says):
    began = perf_counter()
    answer = asked(policy, raw)
    assert not answer.has_access
    assert says in answer.sentence
    assert answer.sentence.isprintable()
    assert perf_counter() - began < 0.5


def test_an_issuer_that_is_not_the_named_providers_is_refused(policy):
    answer = asked(policy, claims(iss="https://evil.test"), provider="egi")
    assert answer.decision.refusal is not None
    assert (answer.decision.refusal.reason, answer.decision.refusal.value) == ("unknown-issuer", "https://evil.test")


def test_a_provider_that_the_policy_does_not_have_is_named(policy):
    with pytest.raises(ClaimsInvalid, match="no identity provider `ege`; it has egi"):
        asked(policy, claims(), provider="ege")
