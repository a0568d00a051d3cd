"""What stands in the settings and the policy decides at start whether tokens can be verified, in clear words."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from exchange_world import World, a_provider

from p3idp import wiring
from p3idp.adapters.memory.limits import MemoryLimiter
from p3idp.core.policy.model import Policy, PolicyId, Site
from p3idp.core.secret import Secret
from p3idp.errors.device import DeviceCodeOver, UserCodeRefused
from p3idp.errors.login import ProviderUntrusted
from p3idp.errors.settings import SettingsInvalid
from p3idp.settings import Settings


def a_policy(*issuers: str) -> Policy:
    provider = replace(a_provider(), issuers=issuers)
    return Policy(Site(PolicyId("p"), "Site", "egi", "x@example.org", (provider,)), ())


def the_settings(**changes: object) -> Settings:
    secret = {"env": "P3IDP_TEST_SECRET"}
    keystone = {"auth_url": "https://localhost/v3", "username": "p3idp", "password": secret}
    providers = {"egi": {"client_id": "p3idp", "client_secret": secret}}
    return Settings.model_validate({"policy_dir": Path("."), "keystone": keystone, "providers": providers, **changes})


WIRES: list[Callable[..., object]] = [wiring.wire_verifier, wiring.wire_sign_in]
WEB = {"base_url": "https://localhost", "cookie_key": {"env": "P3IDP_TEST_KEY"}}


@pytest.mark.parametrize("wire", WIRES)
def test_wiring_makes_no_call_and_reads_no_secret(wire: Callable[..., object]):
    assert wire(the_settings(web=WEB), a_policy("https://localhost:1/realm", "https://localhost:2/realm"))


@pytest.mark.parametrize("wire", WIRES)
def test_a_plain_http_issuer_is_refused_by_name(wire: Callable[..., object]):
    with pytest.raises(ProviderUntrusted, match="http://localhost:1/realm"):
        wire(the_settings(web=WEB), a_policy("https://localhost:1/realm", "http://localhost:1/realm"))


@pytest.mark.parametrize("wire", WIRES)
def test_a_provider_without_settings_is_named(wire: Callable[..., object]):
    other = {"hub": {"client_id": "p3idp", "client_secret": {"env": "X"}}}
    with pytest.raises(SettingsInvalid, match=r"\[providers\.egi\]"):
        wire(the_settings(web=WEB, providers=other), a_policy("https://localhost:1/realm"))


@pytest.mark.parametrize(("per_minute", "by_address"), [(600, True), (0, False)])
def test_where_addresses_are_not_counted_signing_in_on_another_device_does_not_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_minute: int, by_address: bool
):
    """Else ten wrong codes of one visitor would lock everybody out behind a proxy that tells no addresses."""
    monkeypatch.setenv("P3IDP_TEST_KEY", Fernet.generate_key().decode())
    world = World()
    world.exchange = replace(world.exchange, remember=lambda *_: None)
    mine = {"egi": {"client_id": "p3idp", "client_secret": {"env": "X"}, "command_line_client": "p3idp-cli"}}
    settings = the_settings(
        web=WEB, providers=mine, limits={"address_per_minute": per_minute},
        store={"url": f"sqlite:///{tmp_path}/store.sqlite"},
    )  # fmt: skip
    counted = MemoryLimiter(world.clock)
    wired = wiring.wire_device_sign_in(settings, a_policy("https://localhost:1/realm"), world.exchange, counted)
    assert wired is not None
    desk, tokens = wired
    exchange = world.exchange
    assert (tokens.verifier, tokens.ledger, tokens.remember) == (exchange.verifier, exchange.ledger, exchange.remember)
    with pytest.raises(UserCodeRefused):
        desk.look("BBBB-BBBB")
    with pytest.raises(DeviceCodeOver):
        tokens.poll(Secret("unknown"), "p3idp-cli")
    kept = {name for name, _ in counted.counts}
    assert kept == {"device-typed-by-all", *(["device-typed", "device-polls"] if by_address else [])}


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_certificate_file_that_cannot_be_read_is_named(content: str | None, tmp_path: Path):
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    mine = {"egi": {"client_id": "p3idp", "client_secret": {"env": "X"}, "ca_file": file}}
    with pytest.raises(SettingsInvalid, match=r"ca\.pem"):
        wiring.wire_verifier(the_settings(providers=mine), a_policy("https://localhost:1/realm"))


def test_signing_in_needs_the_web_section():
    with pytest.raises(SettingsInvalid, match=r"\[web\]"):
        wiring.wire_sign_in(the_settings(), a_policy("https://localhost:1/realm"))
