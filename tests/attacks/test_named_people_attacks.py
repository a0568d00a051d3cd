"""Nobody but who is named gets their rights: not at p3idp's own doors, and not at Keystone's, by its real engine.

What counts at Keystone is whose user somebody becomes: the lasting membership is that user's. So each attempt is asked
of Keystone's own mapping engine, and must come in as nobody, or as somebody else than who is named.
"""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from asked_keystone import AskedKeystone
from policies import ACCESS, ISSUER, NOW, SITE, PolicyFiles, person

from p3idp.core.access.people.known import user_id
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Policy, ProviderId
from p3idp.lab.servers.keystone import VENV

PIA = "pia@egi.eu"
# What is named besides holds what Keystone's engine, Python's formatting, URLs and SQL could take for something else.
ODD = ("{0}", "50%25@egi.eu", "pia%40egi.eu", "a/b", "O'Hara", "x?y=z&w", "_i_", "pia@egi.eu.evil")
SITE_OF_TWO = (
    SITE
    + """\
  hub:
    title: Hub
    issuers: [https://hub.test]
    scopes: [openid]
    authorization_ttl: 1h
    issuing_clients: [p3idp]
"""
)


@pytest.fixture(scope="module")
def engine() -> Iterator[AskedKeystone]:
    with AskedKeystone(VENV / "bin" / "python") as asked:
        yield asked


@pytest.fixture
def policy(tmp_path) -> Policy:
    people = "".join(
        f'  - {{subject: "{subject}", identity_provider: egi, projects: {{p3: [member]}}}}\n' for subject in (PIA, *ODD)
    )
    return PolicyFiles(tmp_path, SITE_OF_TWO, **{"vo.access.egi.eu": f"{ACCESS}people:\n{people}"}).load()


def user_at_keystone(
    engine: AskedKeystone, policy: Policy, subject: str, provider: str = "egi", **claims: str
) -> str | None:
    """The unique id, percent-encoded as auth/plugins/mapped.py does it, that a login gets; None where it is refused."""
    mapping = compile_mapping(policy, policy.site.provider(provider), NOW)
    asserted = {"OIDC-sub": subject, "OIDC-iss": ISSUER, "OIDC-azp": "p3idp", **claims}
    question = {"rules": mapping.rules, "schema_version": "2.0", "assertions": [asserted]}
    (answer,) = engine.ask(question)["answers"]
    if "result" not in answer:
        return None
    assert answer["result"].get("group_names", []) == [], "who is named is in no group by a mapping"
    return quote(str(answer["result"]["user"]["id"]))


@pytest.mark.parametrize("subject", [PIA, *ODD])
def test_who_is_named_comes_in_as_themselves(engine, policy, subject) -> None:
    """The accept-control."""
    assert user_at_keystone(engine, policy, subject) == quote(subject)
    assert [each.project.name for each in decide(policy, person(subject=subject), NOW).access] == ["p3"]


FORGED = {
    "a semicolon and somebody": f"{PIA};x",
    "somebody and a semicolon": f"x;{PIA}",
    "the same twice": f"{PIA};{PIA}",
    "a semicolon at the end": f"{PIA};",
    "a semicolon before": f";{PIA}",
    "a list": f"['{PIA}']",
    "a list of two": f"['{PIA}', 'x']",
    "a list as JSON": f'["{PIA}"]',
    "JSON": f'JSON:"{PIA}"',
    "JSON of a list": f'JSON:["{PIA}"]',
    "capitals": "PIA@EGI.EU",
    "one capital": "Pia@egi.eu",
    "a blank before": f" {PIA}",
    "a blank behind": f"{PIA} ",
    "a tab": f"{PIA}\t",
    "a line break": f"{PIA}\n",
    "no-break space": f"{PIA}\u00a0",
    "a zero byte": f"{PIA}\0",
    "zero width": "pia\u200b@egi.eu",
    "a Cyrillic letter": "pi\u0430@egi.eu",
    "encoded twice": "pia%2540egi.eu",
    "encoded letters": "%70ia@egi.eu",
    "a field": "{sub}",
    "another field": "{0}{0}",
    "a pattern": ".*",
    "longer": f"{PIA}x",
    "shorter": PIA[:-1],
    "nothing": "",
}


@pytest.mark.parametrize("subject", FORGED.values(), ids=FORGED)
def test_whoever_is_called_nearly_so_gets_nothing(engine, policy, subject) -> None:
    assert decide(policy, person(subject=subject), NOW).access == ()
    assert user_at_keystone(engine, policy, subject) not in {quote(each) for each in (PIA, *ODD)}


FOREIGN = {
    "another issuer": {"OIDC-iss": "https://evil.test"},
    "another issuer beside": {"OIDC-iss": f"https://evil.test;{ISSUER}x"},
    "an issuer in capitals": {"OIDC-iss": ISSUER.upper()},
    "a foreign client": {"OIDC-azp": "evil"},
    "no client": {"OIDC-azp": ""},
}


@pytest.mark.parametrize("claims", FOREIGN.values(), ids=FOREIGN)
def test_the_right_subject_in_a_foreign_token_gets_nothing(engine, policy, claims) -> None:
    assert user_at_keystone(engine, policy, PIA, **claims) is None
    given = person(subject=PIA, issuer=claims.get("OIDC-iss", ISSUER), client=claims.get("OIDC-azp", "p3idp"))
    assert decide(policy, given, NOW).access == ()


def test_the_same_subject_at_another_provider_is_somebody_else(engine, policy) -> None:
    hub = person(subject=PIA, provider=ProviderId("hub"), issuer="https://hub.test")
    assert decide(policy, hub, NOW).access == ()
    assert user_at_keystone(engine, policy, PIA, "hub", **{"OIDC-iss": "https://hub.test"}) is None


def test_what_is_named_by_its_encoding_is_another_user_than_what_it_encodes() -> None:
    """``pia%40egi.eu`` is a subject like any other: Keystone encodes its per cent sign as well."""
    assert quote("pia%40egi.eu") != quote(PIA)
    assert user_id("d", "pia%40egi.eu") != user_id("d", PIA)
