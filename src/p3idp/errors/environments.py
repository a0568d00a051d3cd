"""Errors of environments: several Keystones that one policy is applied to."""

from p3idp.errors.base import ExitStatus, P3idpError


class EnvironmentUnknown(P3idpError):
    """The settings name no environment of this name."""

    code = "environment-unknown"
    exit_status = ExitStatus.USAGE
    hint = "Name one that the settings have as [environments.<name>], with --environment NAME or $P3IDP_ENVIRONMENT."


class EnvironmentNeeded(P3idpError):
    """The settings name several environments, and the call does not say which of them it means."""

    code = "environment-needed"
    exit_status = ExitStatus.USAGE
    hint = "Say which: --environment NAME, $P3IDP_ENVIRONMENT, or default_environment in the settings."


class PromotionImpossible(P3idpError):
    """An environment has nothing that could be promoted from it."""

    code = "promotion-impossible"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Plan and apply there first (p3idp apply --environment NAME), and promote what ended with success."
