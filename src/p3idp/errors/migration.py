"""Errors of moving from one claim or issuer to another."""

from p3idp.errors.base import ExitStatus, P3idpError


class MigrationImpossible(P3idpError):
    """The policy does not list what should be migrated, or it is nothing that can be."""

    code = "migration-impossible"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Look at `identity_providers` in site.yaml: `issuers`, and `entitlements` below `claims`."


class MigrationNotBegun(P3idpError):
    """The new claim or issuer is not accepted yet, so the old one cannot go."""

    code = "migration-not-begun"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Call the command without a stage first, then `p3idp plan` and `p3idp apply`."


class MigrationUnsafe(P3idpError):
    """Somebody may still need the old claim or issuer; nothing was changed."""

    code = "migration-unsafe"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Wait, and look at the stage `status` again; or accept each danger by its name with --accept NAME."


class SiteFileOdd(P3idpError):
    """site.yaml is written in a way that p3idp does not change, or changed meanwhile."""

    code = "site-file-odd"
    exit_status = ExitStatus.ERROR
    http_status = 409
    hint = "Change the file by hand, then run `p3idp plan`; nothing was changed."
