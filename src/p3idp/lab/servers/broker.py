"""The broker: p3idp's own web service. Owns how the lab starts it; what it does is p3idp.web."""

import sys
from pathlib import Path

from p3idp.lab.layout import Layout
from p3idp.lab.servers.base import Program, Server, answers


class Broker(Server):
    """`p3idp serve` on the lab's settings."""

    name = "broker"

    def address(self, layout: Layout) -> str:
        """The page for people."""
        return layout.addresses.broker_url

    def port(self, layout: Layout) -> int:
        """Its TLS port."""
        return layout.addresses.broker

    def program(self, layout: Layout) -> Program:
        """The console script of the environment that runs the lab."""
        script = Path(sys.executable).with_name("p3idp")
        return Program(
            command=(str(script), "serve", "--settings", str(layout.settings)),
            directory=layout.state,
            inputs=(layout.settings, *sorted(layout.policy.rglob("*.yaml"))),
        )

    def is_ready(self, layout: Layout) -> bool:
        """Whether it says that it lives."""
        return answers(layout, f"{layout.addresses.broker_url}/healthz") == 200
