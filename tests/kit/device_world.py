"""A broker in memory where people sign in on other devices: the real rules and pages, with twins behind them."""

import re
from dataclasses import dataclass, replace
from html import unescape
from urllib.parse import urlencode

from exchange_world import World, a_provider
from flask import Flask
from flask.testing import FlaskClient
from webkit import BASE, Door
from werkzeug.test import TestResponse

from p3idp.adapters.memory.device import MemoryDeviceProvider, MemoryDevices
from p3idp.adapters.memory.limits import MemoryLimiter
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.ops.device import DeviceDesk
from p3idp.ops.device_token import DeviceTokens
from p3idp.ports.device import Devices
from p3idp.ports.limits import Limit
from p3idp.ports.request import client_address
from p3idp.web.app import build_app, token_doors
from p3idp.web.device_token import DEVICE_GRANT, PATH
from p3idp.wiring import new_token

CLIENT = "p3idp-cli"
FORM = "application/x-www-form-urlencoded"
SCOPES = ("openid", "entitlements")


class FreeLimiter:
    """Counts nothing, for tests of other things."""

    def take(self, limit: Limit, key: str, cost: int = 1) -> None:
        pass


@dataclass(frozen=True)
class Shown:
    """What a command line got."""

    device_code: str
    user_code: str
    complete: str


class DeviceWorld:
    """alice may come in; bob's token is good, and the policy gives him nothing."""

    def __init__(self, devices: Devices | None = None, *, limits: bool = True, most: int = 10_000) -> None:
        self.exchange = World(a_provider(scopes=SCOPES))
        self.clock, self.ledger = self.exchange.clock, self.exchange.ledger
        self.devices = devices or MemoryDevices(most)
        self.provider = MemoryDeviceProvider()
        self.limiter = MemoryLimiter(self.clock) if limits else FreeLimiter()
        self.desk, self.tokens = self.replica()

    def replica(self) -> tuple[DeviceDesk, DeviceTokens]:
        """Both halves once more, over the same store and the same provider."""
        policy, clients = (lambda: self.exchange.policy), {ProviderId("egi"): CLIENT}
        desk = DeviceDesk(policy, clients, self.devices, self.provider, self.limiter, self.clock, new_token)
        tokens = DeviceTokens(
            policy=policy,
            clients=clients,
            devices=self.devices,
            provider=self.provider,
            verifier=self.exchange.tokens,
            keystone=self.exchange.keystone,
            ledger=self.ledger,
            limiter=self.limiter,
            clock=self.clock,
        )
        return desk, tokens

    # ---- without HTTP ----

    def begin(self) -> Shown:
        begun = self.desk.begin(CLIENT, ("offline_access",), "p3idp/1 on login01")
        return Shown(begun.device_code.reveal(), begun.device.user_code, "")

    def agree(self, shown: Shown, login: str = "alice") -> None:
        """Somebody says yes here, and then at the provider."""
        self.desk.agree(shown.user_code, "some browser")
        self.provider.agree(len(self.provider.began), login)

    def poll(self, shown: Shown, client: str = CLIENT):
        return self.tokens.poll(Secret(shown.device_code), client)

    def wait(self, seconds: float = 5) -> None:
        self.clock.forward(seconds=seconds)

    # ---- over HTTP ----

    def app(self) -> Flask:
        door = Door()
        door.clock.now = self.clock.now
        parts = replace(door.parts, clock=self.clock)
        return build_app(parts, token_doors(self.exchange.exchange, (self.desk, self.tokens), BASE))


def from_address(address: str) -> None:
    """Who asks, where there is no HTTP that says it."""
    client_address.set(address)


def post(client: FlaskClient, path: str, form: dict[str, str], address: str = "192.0.2.1", **kwargs) -> TestResponse:
    """POST a form as a program does."""
    kwargs.setdefault("content_type", FORM)
    return client.post(path, data=urlencode(form), base_url=BASE, environ_base={"REMOTE_ADDR": address}, **kwargs)


def begin(client: FlaskClient, address: str = "192.0.2.1", **form: str) -> Shown:
    body = post(client, PATH, {"client_id": CLIENT, **form}, address).get_json()
    return Shown(body["device_code"], body["user_code"], body["verification_uri_complete"])


def poll(client: FlaskClient, shown: Shown, address: str = "192.0.2.1", **form: str) -> TestResponse:
    given = {"grant_type": DEVICE_GRANT, "client_id": CLIENT, "device_code": shown.device_code, **form}
    return post(client, "/oauth/token", given, address)


def press(
    client: FlaskClient, page: TestResponse, address: str = "192.0.2.2", origin: str | None = BASE, **more: str
) -> TestResponse:
    """Press the button of a page's form, with these fields besides or instead."""
    form = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert form, page.text
    inputs = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)
    fields = {name: unescape(value) for name, value in inputs} | more
    headers = {} if origin is None else {"Origin": origin}
    return client.post(
        unescape(form[1]), data=fields, base_url=BASE, headers=headers, environ_base={"REMOTE_ADDR": address}
    )


def page(client: FlaskClient, query: str = "", address: str = "192.0.2.2") -> TestResponse:
    """The page where codes are typed."""
    return client.get(f"/device{query}", base_url=BASE, environ_base={"REMOTE_ADDR": address})
