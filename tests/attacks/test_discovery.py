"""What a provider publishes about itself is held against the policy; one that drips, hangs or redirects is bounded."""

import socket
import time

import pytest
from battery import Attack
from hostile import MISSING, Answer, HostileProvider
from trusting import Trust, make_trust

from p3idp.adapters.checkin.transport import Transport
from p3idp.core.login.metadata import check_issuer, read_metadata

ENDPOINTS = ["authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint", "userinfo_endpoint"]


def lies(hostile: HostileProvider) -> dict[str, dict[str, object]]:
    """Discovery documents that contradict the policy."""
    wrong_issuers = (
        "https://evil.example.org",
        hostile.issuer + "/",
        hostile.issuer.upper(),
        MISSING,
        None,
        "",
        1,
        [hostile.issuer],
    )
    found: dict[str, dict[str, object]] = {f"issuer {value!r}"[:70]: {"issuer": value} for value in wrong_issuers}
    at = hostile.origin
    for name in ENDPOINTS:
        values = {
            "plain http": f"http://localhost:{hostile.port}/x",
            "another host": "https://evil.example.org/x",
            "another port": "https://localhost:1/x",
            "a user part": f"https://evil@localhost:{hostile.port}/x",
            "our host as user": f"https://localhost:{hostile.port}@evil.example.org/x",
            "a backslash": f"https://localhost:{hostile.port}\\@evil.example.org/x",
            "a fragment": at + "/x#y",
            "a newline": at + "/x\r\nHost: evil",
            "relative": "/x",
            "a file": "file:///etc/passwd",
            "a number": 7,
            "a list": [at + "/x"],
            "empty": "",
        }
        found |= {f"{name}: {what}": {name: value} for what, value in values.items()}
    for name in ENDPOINTS[:3]:
        found[f"{name} missing"] = {name: MISSING}
    found["neither introspection nor userinfo"] = {"introspection_endpoint": MISSING, "userinfo_endpoint": MISSING}
    return found


@pytest.mark.attack("R45")
@pytest.mark.parametrize("name", ["revocation_endpoint", "device_authorization_endpoint"])
def test_an_endpoint_elsewhere_that_nothing_depends_on_is_never_sent_a_token(name: str, attack: Attack):
    issuer = "https://idp.test/realm"
    document = {each: f"{issuer}/{each}" for each in ENDPOINTS} | {"issuer": issuer}
    at_home = getattr(read_metadata(document | {name: f"{issuer}/x"}, issuer), name)
    assert attack.accepted("at home", lambda: at_home) == f"{issuer}/x"
    for where in ("https://evil.test/x", "http://idp.test/x", "https://idp.test:444/x", "https://idp.test@evil.test/",
                  "https://169.254.169.254/latest", "file:///etc/passwd", "", None, 7, [f"{issuer}/x"]):  # fmt: skip
        read = getattr(read_metadata(document | {name: where}, issuer), name)
        attack.saw(f"{name} {where!r}", read is None, str(read))
        assert read is None


@pytest.mark.attack("R45")
def test_a_provider_that_contradicts_the_policy_is_not_used(hostile: HostileProvider, attack: Attack):
    open_already = Transport(hostile.ca_file)
    for name, changes in lies(hostile).items():
        hostile.discovery = changes
        trusting = make_trust(hostile, over=open_already).sign_in
        attack.refused(name, lambda t=trusting: t.issuer_of("hostile"), "provider-untrusted")
    assert set(hostile.counts) == {"discovery"}


NONSENSE = {
    "HTML": (Answer("<html>", content_type="text/html"), "provider-unreachable"),
    "HTML as JSON": (Answer("<html>"), "provider-unreachable"),
    "a list": (Answer([]), "provider-unreachable"),
    "cut off": (Answer('{"issuer": '), "provider-unreachable"),
    "empty": (Answer(b""), "provider-unreachable"),
    "error": (Answer({}, 500), "provider-unreachable"),
    "not found": (Answer({}, 404), "provider-unreachable"),
    "too much": (Answer("{}", endless=2_000_000), "provider-unreachable"),
    "deep": (Answer('{"x":' * 5000 + "1" + "}" * 5000), "provider-unreachable"),
    "redirect": (Answer(status=302, headers=(("Location", "https://localhost:1/x"),)), "provider-untrusted"),
    "permanent redirect": (Answer(status=308, headers=(("Location", "/x"),)), "provider-untrusted"),
}


@pytest.mark.attack("R45")
@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_not_used_and_the_last_good_document_stays(name: str, hostile: HostileProvider, attack: Attack):
    answer, code = NONSENSE[name]
    warm, cold = make_trust(hostile), make_trust(hostile)
    warm.verify(hostile.access_token())
    hostile.answers["discovery"] = answer
    attack.refused(name, lambda: cold.verify(hostile.access_token()), code)
    warm.clock.forward(660)
    attack.accepted(f"last good kept: {name}", lambda: warm.verify(hostile.access_token()))
    warm.clock.forward(24 * 3600)
    attack.refused(f"{name}: a day later", lambda: warm.verify(hostile.access_token()), code)
    assert hostile.counts["elsewhere"] == 0


@pytest.mark.attack("R45")
def test_a_lie_leaves_the_last_good_document_too(trusting: Trust, attack: Attack):
    trusting.verify(trusting.hostile.access_token())
    trusting.hostile.discovery = {"issuer": "https://evil.example.org", "token_endpoint": "https://evil.example.org/x"}
    trusting.clock.forward(660)
    attack.accepted("last good kept", trusting.sign)
    assert trusting.hostile.counts["discovery"] == 2
    trusting.clock.forward(24 * 3600)
    attack.refused("a day later", trusting.sign, "provider-untrusted")


@pytest.mark.attack("R45")
@pytest.mark.parametrize(
    "issuer",
    ["http://localhost/realm", "https://", "https:///x", "localhost", "", "https://u@h/x", "https://h/x?y", "https://h/x#y",
     "https://h/x y", "https://h:99999/x", "ftp://h/x", "https://h\\x", "HTTPS//h"],
)  # fmt: skip
def test_an_issuer_that_is_not_plain_https_is_refused(issuer: str, attack: Attack):
    attack.refused(issuer, lambda: check_issuer(issuer), "provider-untrusted")


def dripping(seconds: float) -> Answer:
    return Answer({"keys": []}, drip=seconds)


@pytest.mark.attack("R45", "X15")
@pytest.mark.parametrize("endpoint", ["discovery", "jwks", "introspection"])
@pytest.mark.parametrize("answer", [Answer({}, delay=5.0), dripping(0.05)], ids=["silent", "dripping"])
def test_a_silent_or_dripping_provider_holds_nobody_longer_than_agreed(
    endpoint: str, answer: Answer, hostile: HostileProvider, attack: Attack
):
    trusting = make_trust(hostile, total=0.6)
    hostile.answers[endpoint] = answer
    started = time.monotonic()
    attack.refused(f"{endpoint}", lambda: trusting.verify(hostile.access_token()), "provider-unreachable")
    assert time.monotonic() - started < 1.5


def test_the_real_limits_are_three_and_ten_seconds():
    from p3idp.adapters.checkin import transport

    assert (transport.CONNECT_SECONDS, transport.TOTAL_SECONDS) == (3.0, 10.0)


def test_a_server_that_never_says_hello_holds_nobody_longer_than_agreed(hostile: HostileProvider):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        transport = Transport(hostile.ca_file, connect=0.3, total=0.6)
        started = time.monotonic()
        with pytest.raises(Exception, match="in time"):
            transport.get(f"https://localhost:{mute.getsockname()[1]}/x")
        assert time.monotonic() - started < 1.5


@pytest.mark.attack("R45")
def test_only_the_providers_own_authority_is_trusted(
    hostile: HostileProvider, attack: Attack, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    import trustme

    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(hostile.ca_file))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    attack.refused("another authority", lambda: Transport(other).get(hostile.issuer), "provider-untrusted")
    by_number = hostile.issuer.replace("localhost", "127.0.0.1")
    attack.refused(
        "a name the certificate lacks", lambda: Transport(hostile.ca_file).get(by_number), "provider-untrusted"
    )
    attack.accepted("proxy settings are not read", lambda: Transport(hostile.ca_file).get(hostile.issuer))
