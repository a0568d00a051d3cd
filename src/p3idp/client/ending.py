"""The end of a sign-in. Owns its order: here first, then at Keystone and at the provider as far as they answer."""

import contextlib
from dataclasses import dataclass

from p3idp.client.broker import refresher
from p3idp.client.cache.entries import Cache
from p3idp.client.clouds import Cloud
from p3idp.client.flows.service import service_provider
from p3idp.client.http import Web
from p3idp.client.identity import Identity
from p3idp.client.keystone import revoke
from p3idp.errors import P3idpError


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """What a sign-out reached: whether the provider took its tokens back, and how many of Keystone's ended.

    ``provider_told`` is None where there was nothing to tell: the tokens of a program are that program's.
    """

    was_signed_in: bool
    provider_told: bool | None
    keystone_tokens: int


def end_sign_in(cache: Cache, cloud: Cloud, identity: Identity) -> LoggedOut:
    """Forget it and all tokens made of it, and have them taken back. Raises what the cache raises."""
    tokens = [(name, token) for name, token in cache.project_tokens() if token.owner == identity.owner]
    cache.forget_identity(*cloud.who)
    for name, _ in tokens:
        cache.files.remove(name)
    web, ended = Web(cloud.verify), 0
    for _, token in tokens:
        with contextlib.suppress(P3idpError):
            ended += revoke(web, token.auth_url, token.token)
    return LoggedOut(True, None if cloud.token_command else _told(cloud, identity), ended)


def _told(cloud: Cloud, identity: Identity) -> bool:
    """Whether the provider took both tokens back: the refresh token last, since it is the one that lasts."""
    try:
        provider = service_provider(cloud) if cloud.is_service_account else refresher(cloud, identity)
        tokens = [identity.access_token, *filter(None, [identity.refresh_token])]
        return all([provider.revoke(token) for token in tokens])
    except P3idpError:
        return False
