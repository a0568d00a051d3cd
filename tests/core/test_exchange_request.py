"""The form of an exchange is read strictly: each parameter once, each type known, one project of this Keystone."""

import pytest
from exchange_world import KEYSTONE, a_form
from hypothesis import given
from hypothesis import strategies as st

from p3idp.core.exchange.request import JWT, KEYSTONE_TOKEN, MAX_TOKEN_LENGTH, parse_request
from p3idp.core.exchange.target import Target, as_scope, parse_scope
from p3idp.core.policy.model import ProjectRef
from p3idp.errors.exchange import ExchangeError, InvalidScope, InvalidTarget, UnsupportedGrantType

URLS = (KEYSTONE, "https://inside.test:5000/v3")


def parse(**changes: str | None):
    return parse_request(a_form(**changes), URLS)


def test_a_good_form_is_read():
    request = parse()
    assert request.subject_token.reveal() == "token-alice"
    assert request.target == Target(name="p3", domain="egi")
    assert "token-alice" not in repr(request)


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"scope": "project:p3"}, Target(name="p3")),
        ({"scope": None, "resource": f"{KEYSTONE}/projects/0a1b"}, Target(project_id="0a1b")),
        ({"resource": f"{URLS[1]}/projects/0a1b"}, Target("0a1b", "p3", "egi")),
        ({"scope": None}, Target()),
        ({"scope": ""}, Target()),
        ({"scope": "project:a%40b%20%C3%A9@d"}, Target(name="a@b é", domain="d")),
        ({"audience": KEYSTONE}, Target(name="p3", domain="egi")),
        ({"requested_token_type": KEYSTONE_TOKEN, "subject_token_type": JWT}, Target(name="p3", domain="egi")),
        ({"expires_in": "999999", "lifetime": "1y"}, Target(name="p3", domain="egi")),
    ],
    ids=["no-domain", "resource", "both", "no-project", "empty-scope", "encoded", "audience", "types", "unknown"],
)
def test_accepted_forms(changes, target):
    assert parse(**changes).target == target


@pytest.mark.parametrize("name", ["grant_type", "subject_token", "subject_token_type"])
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_what_is_required_is_required(name, value):
    with pytest.raises(ExchangeError, match=name):
        parse(**{name: value})


@pytest.mark.parametrize(
    "name",
    ["grant_type", "subject_token", "subject_token_type", "requested_token_type", "scope", "actor_token"],
)
def test_a_doubled_parameter_is_refused_even_with_the_same_value(name):
    with pytest.raises(ExchangeError, match="2 times") as caught:
        parse_request([*a_form(**{name: None}), (name, "x"), (name, "x")], URLS)
    assert caught.value.oauth_error == "invalid_request"


@pytest.mark.parametrize("name", ["resource", "audience"])
def test_two_targets_are_one_too_many(name):
    with pytest.raises(InvalidTarget):
        parse_request([*a_form(), (name, KEYSTONE), (name, KEYSTONE)], URLS)


@pytest.mark.parametrize("grant", ["authorization_code", "client_credentials", "password", "refresh_token", "Token"])
def test_other_grants_are_not_supported(grant):
    with pytest.raises(UnsupportedGrantType):
        parse(grant_type=grant)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"},
        {"subject_token_type": KEYSTONE_TOKEN},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:access_token"},
        {"actor_token": "x"},
        {"actor_token_type": JWT},
        {"subject_token": "two words"},
        {"subject_token": "line\nbreak"},
        {"subject_token": "é"},
        {"subject_token": "x" * (MAX_TOKEN_LENGTH + 1)},
    ],
    ids=lambda changes: "-".join(changes) + ":" + next(iter(changes.values()))[-20:],
)
def test_other_types_and_shapes_are_refused(changes):
    with pytest.raises(ExchangeError) as caught:
        parse(**changes)
    assert caught.value.oauth_error == "invalid_request"


@pytest.mark.parametrize(
    "resource",
    [
        "https://other.test/v3/projects/0a1b",
        f"{KEYSTONE}",
        f"{KEYSTONE}/projects/",
        f"{KEYSTONE}/projects/../users/0a1b",
        f"{KEYSTONE}/projects/0a1b#x",
        f"{KEYSTONE}/projects/0a1b?x=y",
        f"{KEYSTONE}.evil.test/projects/0a1b",
        "https://x@keystone.test/v3/projects/0a1b",
        "0a1b",
    ],
)
def test_a_foreign_resource_is_an_invalid_target(resource):
    with pytest.raises(InvalidTarget):
        parse(scope=None, resource=resource)


@pytest.mark.parametrize("audience", ["keystone", "https://other.test/v3", "p3idp", f"{KEYSTONE}/projects/0a1b"])
def test_a_foreign_audience_is_an_invalid_target(audience):
    with pytest.raises(InvalidTarget):
        parse(audience=audience)


@pytest.mark.parametrize(
    "scope",
    [
        "openid",
        "project:p3@egi openid",
        "project:p3@egi project:p4@egi",
        "project:p3@egi role:admin",
        "project:",
        "project:@egi",
        "project:p3@",
        "project:p3@egi@x",
        "PROJECT:p3@egi",
        "domain:egi",
        "system:all",
        "project:p3@egi\nx",
        "project:é@egi",
        "project:%ff@egi",
        "project:%4@egi",
        "project:p*",
        "project:" + "x" * 300,
    ],
)
def test_a_scope_that_is_not_one_project_is_invalid(scope):
    with pytest.raises(InvalidScope):
        parse(scope=scope)


names = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)


@given(names, names)
def test_every_project_can_be_written_as_a_scope_and_read_back(name, domain):
    assert parse_scope(as_scope(ProjectRef(domain, name))) == (name, domain)
