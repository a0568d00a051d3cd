"""Errors of taking over an existing Keystone mapping."""

from p3idp.errors.base import ExitStatus, P3idpError


class ImportUnreadable(P3idpError):
    """The file holds no Keystone mapping; the detail names the place."""

    code = "import-unreadable"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "A mapping is what `openstack mapping show -f json` prints, or the JSON list of its rules."


class ImportImpossible(P3idpError):
    """The mapping does not say what a policy needs to know, or has a rule that cannot be taken over in any form."""

    code = "import-impossible"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Correct the mapping, or take the rule out of the file, and import again."


class ImportDiffers(P3idpError):
    """The policy would not give what the old mapping gives, beyond what the warnings name. Nothing was written."""

    code = "import-differs"
    hint = "Nothing was written. Take the rules concerned out of the file, import the others, and write those by hand."
