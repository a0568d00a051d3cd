"""Which way to sign in suits this machine. Owns the choice, and how each way speaks to the person."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import segno

from p3idp.client.broker import look_up_broker
from p3idp.client.clouds import Cloud
from p3idp.client.flows.broker import broker_of, by_broker
from p3idp.client.flows.browser import by_browser
from p3idp.client.flows.device import DeviceCode, by_device
from p3idp.client.flows.paste import by_paste
from p3idp.client.http import Web
from p3idp.client.identity import Identity
from p3idp.client.provider import look_up

BROWSER, BROKER, DEVICE, PASTE, AUTO = "browser", "broker", "device", "paste", "auto"
FLOWS = (AUTO, BROWSER, BROKER, DEVICE, PASTE)


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever sits there: ``tell`` shows a line, ``read`` asks for one. ``qr``: whether a QR code is of use."""

    tell: Callable[[str], None]
    read: Callable[[], str]
    qr: bool = False


def sign_in(cloud: Cloud, person: Person, environ: Mapping[str, str], *, no_browser: bool = False) -> Identity:
    """Sign somebody in, in the way that was asked for or suits this machine.

    Where that is a code for another device, the broker's is taken if it has one: then no other server need be reached.
    """
    flow = cloud.flow
    if flow == AUTO:
        flow = suitable(environ, has_device_flow=True, can_open=not no_browser)
        if flow == DEVICE and (found := look_up_broker(cloud)) is not None:
            return by_broker(cloud, found, lambda code: show_code(code, person))
    if flow == BROKER:
        return by_broker(cloud, broker_of(cloud), lambda code: show_code(code, person))
    provider = look_up(Web(cloud.verify), cloud.issuer, cloud.client_id)
    if flow == BROWSER:
        return by_browser(provider, cloud.scopes, person.tell, cloud.redirect_uri)
    if flow == PASTE or (cloud.flow == AUTO and provider.device_endpoint is None):
        return by_paste(provider, cloud.scopes, person.tell, person.read, cloud.redirect_uri)
    return by_device(provider, cloud.scopes, lambda code: show_code(code, person))


def suitable(
    environ: Mapping[str, str], *, has_device_flow: bool, can_open: bool = True, platform: str = sys.platform
) -> str:
    """The browser where the person sits in front of one; elsewhere a code, or pasting where there are no codes.

    Over SSH a browser would open at the wrong end, whatever $DISPLAY says.
    """
    remote = any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"))
    display = platform in ("darwin", "win32") or any(environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if can_open and display and not remote:
        return BROWSER
    return DEVICE if has_device_flow else PASTE


def show_code(code: DeviceCode, person: Person) -> None:
    """Say where to go and which code to compare: who did not begin this will see another code, or none."""
    person.tell(f"On any device, go to:  {code.link}")
    person.tell(f"and enter the code:    {code.user_code}")
    if code.complete:
        person.tell(f"or open:               {code.complete}")
    if person.qr:
        person.tell(qr_text(code.complete or code.link))
    person.tell("The page must show the same code. Waiting …")


def qr_text(link: str) -> str:
    """A QR code in block letters, two rows a line. Light letters on a dark terminal make it dark on light."""
    rows = [list(row) for row in segno.make(link, error="l", micro=False).matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(blocks[int(a > 0), int(b > 0)] for a, b in zip(*pair, strict=True)) for pair in pairs)
