"""Errors of what a broker tells command lines."""

from p3idp.errors.base import P3idpError


class CommandLineClientUnlisted(P3idpError):
    """The settings name a client for `p3idp login` whose tokens the policy does not honour."""

    code = "command-line-client-unlisted"
    http_status = 503
    hint = "List it among the provider's issuing_clients in the policy and apply that, or correct the settings."
