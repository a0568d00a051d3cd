"""The application. Owns how its parts are put together: blueprints, limits, errors, headers."""

from collections.abc import Sequence
from functools import partial

from flask import Blueprint, Flask
from jinja2 import StrictUndefined

from p3idp import wiring
from p3idp.core.policy.model import Policy
from p3idp.ops.device import DeviceDesk
from p3idp.ops.device_token import DeviceTokens
from p3idp.ops.exchange import TokenExchange
from p3idp.ports.limits import Limiter
from p3idp.ports.logins import Remember
from p3idp.settings import load_settings
from p3idp.settings.model import Settings
from p3idp.web import consent, health, pages, problems, requests, words
from p3idp.web.access import access_blueprint
from p3idp.web.device import device_pages
from p3idp.web.device_token import ENDPOINTS, device_blueprint, device_grants
from p3idp.web.exchange import exchange_blueprint
from p3idp.web.metrics import count_remembered
from p3idp.web.oauth_form import MOST_BYTES
from p3idp.web.parts import EXTENSION, WebParts
from p3idp.web.resource_metadata import metadata_blueprint


def create_app() -> Flask:
    """The application of the settings in ``$P3IDP_SETTINGS``; this is what gunicorn calls in every worker."""
    settings = load_settings()
    wiring.wire_logs(settings)
    policy = wiring.wire_policy(settings)  # once: whoever signs in and whoever exchanges meet the same one
    remember = wiring.wire_remembering(settings, count_remembered)
    limiter = wiring.wire_limiter(settings)
    verifier = wiring.wire_limited_verifier(settings, policy, limiter)
    exchange = wiring.wire_exchange(settings, policy, remember, verifier)
    base_url = wiring.web_settings(settings).base_url
    doors = [
        *token_doors(exchange, wiring.wire_device_sign_in(settings, policy, exchange, limiter), base_url),
        access_blueprint(wiring.wire_own_access(exchange), base_url),
        metadata_blueprint(wiring.wire_resource_metadata(settings, policy)),
    ]
    return build_app(web_parts(settings, policy, remember, limiter), doors)


def token_doors(
    exchange: TokenExchange, on_devices: tuple[DeviceDesk, DeviceTokens] | None, base_url: str
) -> list[Blueprint]:
    """Where programs get tokens, and where people let them; without ``on_devices`` by the exchange alone."""
    if on_devices is None:
        return [exchange_blueprint(exchange, base_url)]
    desk, tokens = on_devices
    grants = device_grants(tokens)
    return [
        exchange_blueprint(exchange, base_url, grants, ENDPOINTS),
        device_blueprint(desk, tokens, base_url),
        device_pages(desk, base_url),
    ]


def web_parts(settings: Settings, policy: Policy, remember: Remember, limiter: Limiter) -> WebParts:
    """The parts as the settings say. Raises P3idpError where one cannot be made."""
    web = wiring.web_settings(settings)
    desk = wiring.wire_sign_in_desk(settings, policy, remember)
    return WebParts(
        base_url=web.base_url,
        desk=desk,
        attempts=wiring.wire_attempt_seal(settings),
        readiness=wiring.wire_readiness(settings, policy),
        clock=wiring.now,
        new_request_id=wiring.new_request_id,
        templates=wiring.templates_directory("web"),
        metrics_token=web.metrics_token.resolve() if web.metrics_token else None,
        consent=wiring.wire_consent_desk(settings, policy, remember, desk),
        count_sign_in=partial(limiter.take, wiring.sign_in_limit(settings)),
    )


def build_app(parts: WebParts, doors: Sequence[Blueprint] = ()) -> Flask:
    """Put an application together. Addresses in it are relative, or come from ``parts.base_url``."""
    app = Flask("p3idp.web", template_folder=str(parts.templates), static_folder=str(parts.templates / "static"))
    app.extensions[EXTENSION] = parts
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_BYTES,
        MAX_FORM_PARTS=50,
    )
    # A redirect that werkzeug makes itself would be built from the Host header.
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    words.install(app)
    requests.install(app, parts)
    problems.install(app)
    for blueprint in (pages.blueprint, consent.blueprint, health.blueprint, *doors):
        app.register_blueprint(blueprint)
    return app
