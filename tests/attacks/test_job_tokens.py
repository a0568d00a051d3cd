"""Tokens of an issuer that is verified by its keys (a CI system): every forgery is refused, and nobody is asked."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from battery import Attack
from forgeries import FORGERIES, Forgery
from hostile import MISSING, VM_OPERATOR, HostileProvider, sign
from trusting import Trust, make_trust, provider_of

from p3idp.adapters.checkin.transport import Transport
from p3idp.adapters.checkin.verifier import CheckinVerifier, trust
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import ClaimNames, ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderUntrusted

US = "https://broker.example.org"
JOB = "project_path:physics/simulation:ref_type:branch:ref:main"
# What is wrong with every JWT: times, algorithms, keys, headers, form. Who and for whom is tried below.
BOTH = [forgery for forgery in FORGERIES if {"id", "access"} <= set(forgery.kinds)]
ROWS = sorted({forgery.row for forgery in BOTH})


@pytest.fixture
def jobs(hostile: HostileProvider) -> Trust:
    claims = ClaimNames(subject="sub", entitlements=())
    return make_trust(hostile, issuing_clients=(), audiences=(US,), claims=claims, scopes=(), by_keys=True)


def job_claims(hostile: HostileProvider, **changes: object) -> dict[str, object]:
    nobody = {name: MISSING for name in ("azp", "nonce", "at_hash", "typ", "auth_time", "sid", "voperson_id")}
    return hostile.id_claims(**{**nobody, "sub": JOB, "aud": US, "project_path": "physics/simulation", **changes})


def job(hostile: HostileProvider, **changes: object) -> str:
    return sign(hostile.header(), job_claims(hostile, **changes), hostile.signing_key)


def forged(hostile: HostileProvider, forgery: Forgery) -> str:
    """The same thing wrong with a job's token."""
    header, claims = forgery.parts(hostile, "id")
    own = {name: claims.get(name, MISSING) for name in forgery.claims}
    return sign(header, job_claims(hostile, **own), forgery.key(hostile), forgery.alg)


@pytest.mark.attack("R57")
def test_a_good_job_is_believed_and_nobody_is_asked(jobs: Trust, attack: Attack):
    held = {"entitlements": [VM_OPERATOR], "eduperson_entitlement": [VM_OPERATOR], "eduperson_assurance": ["high"]}
    claims = jobs.verify(job(jobs.hostile, **held))
    assert (claims.subject, claims.client, claims.provider) == (JOB, "", "hostile")
    assert (claims.entitlements, claims.by_claim, claims.assurance) == ((), (), ()), "it says who comes, and no more"
    counts = Counter(jobs.hostile.counts)
    assert counts["introspection"] == counts["userinfo"] == 0
    attack.saw("entitlements in a job's token", held=True)


@pytest.mark.parametrize("row", [pytest.param(row, marks=pytest.mark.attack(row)) for row in ROWS])
def test_every_forgery_of_a_jobs_token_is_refused(row: str, jobs: Trust, attack: Attack):
    for forgery in (each for each in BOTH if each.row == row):
        attack.refused(f"job: {forgery.name}", lambda f=forgery: jobs.verify(forged(jobs.hostile, f)), forgery.reason)


OTHERS = (
    "https://elsewhere.example.org",
    US + "/",
    US.upper(),
    f"{US} ",
    f"{US};x",
    [],
    [US + "/x"],
    None,
    1,
    {},
    MISSING,
)


@pytest.mark.attack("X13")
@pytest.mark.parametrize("aud", OTHERS, ids=repr)
def test_a_job_for_another_audience_is_refused(aud: object, jobs: Trust, attack: Attack):
    attack.refused("aud", lambda: jobs.verify(job(jobs.hostile, aud=aud)), "client")


@pytest.mark.attack("X13")
def test_a_job_for_us_and_for_another_is_refused(jobs: Trust, attack: Attack):
    """The other could hand it on to us."""
    for aud in ([US, "https://elsewhere.example.org"], ["a", US], [US, US + "/"]):
        attack.refused(str(aud), lambda aud=aud: jobs.verify(job(jobs.hostile, aud=aud)), "audience")


@pytest.mark.attack("X13")
def test_an_audience_list_with_us_alone_is_for_us(jobs: Trust):
    assert jobs.verify(job(jobs.hostile, aud=[US])).subject == JOB


@pytest.mark.attack("X13")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"typ": "Bearer"}, "body-typ"),
        ({"typ": "Refresh"}, "body-typ"),
        ({"events": {}}, "body-typ"),
        ({"cnf": {"jkt": "x"}}, "bound"),
        ({"sub": ""}, "sub"),
        ({"sub": "project_path:ä"}, "sub"),
        ({"sub": MISSING}, "sub"),
        ({"iss": "https://gitlab.example.org"}, "issuer"),
    ],
)
def test_another_kind_of_token_is_no_jobs(changes: dict[str, object], reason: str, jobs: Trust, attack: Attack):
    attack.refused(str(changes), lambda: jobs.verify(job(jobs.hostile, **changes)), reason)


@pytest.mark.attack("X13")
def test_a_token_is_replayed_in_vain_after_its_life(jobs: Trust, attack: Attack):
    token, now = job(jobs.hostile), datetime.now(UTC)
    end = jobs.verify(token, now).expires_at
    attack.refused("replayed", lambda: jobs.verify(token, end + timedelta(seconds=11)), "expired")


@pytest.mark.attack("X13")
def test_an_access_token_of_a_client_is_no_jobs(jobs: Trust, attack: Attack):
    """Where one issuer has both people and jobs, nobody's sign-in is taken for a job."""
    attack.refused("access token", lambda: jobs.verify(jobs.hostile.access_token()), "body-typ")


@pytest.mark.attack("R57")
@pytest.mark.parametrize("where", ["https://elsewhere.example.org/keys", "http://localhost/keys", "", None, 1, ["x"]])
def test_keys_elsewhere_than_at_the_issuer_are_not_fetched(where: object, jobs: Trust, attack: Attack):
    jobs.hostile.discovery = {"jwks_uri": where}
    with pytest.raises(ProviderUntrusted):
        jobs.verify(job(jobs.hostile))
    attack.saw(f"jwks_uri {where!r}", held=True)


def test_an_issuer_that_publishes_nothing_but_its_keys_will_do(jobs: Trust):
    """As GitHub's does."""
    for name in ("authorization_endpoint", "token_endpoint", "introspection_endpoint", "userinfo_endpoint"):
        jobs.hostile.discovery = {**jobs.hostile.discovery, name: MISSING}
    assert jobs.verify(job(jobs.hostile)).subject == JOB


@pytest.mark.attack("X13")
def test_one_issuers_tokens_are_judged_by_its_own_rules_alone(hostile: HostileProvider, attack: Attack):
    """A verifier that knows both kinds of providers never mixes their rules or keys."""
    secret, transport = Secret(hostile.client_secret), Transport(hostile.ca_file)
    people = provider_of(hostile)
    ci = provider_of(
        hostile, id=ProviderId("ci"), issuers=("https://ci.example.org",), issuing_clients=(), audiences=(US,),
        claims=ClaimNames(entitlements=()), scopes=(), by_keys=True,
    )  # fmt: skip
    trusted = [
        each for one in (people, ci) for each in trust(one, "p3idp", lambda: secret, transport, lambda: 0.0, 30.0)
    ]
    both = CheckinVerifier(tuple(trusted))

    def verify(token: str) -> object:
        return both.verify_access_token(RawToken(Secret(token)), datetime.now(UTC))

    assert verify(hostile.access_token())
    attack.refused("a job's form from people's issuer", lambda: verify(job(hostile)), "body-typ")
