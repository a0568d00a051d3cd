"""Errors of remembered logins."""

from p3idp.errors.base import ExitStatus, P3idpError


class LoginsOff(P3idpError):
    """The settings name no key for remembered logins, so none is kept and none can be read."""

    code = "logins-off"
    exit_status = ExitStatus.USAGE
    hint = "Name one as `key` in [logins] of the settings; docs/how-to/see-who-gains-and-loses.md says how."


class LoginsUnreadable(P3idpError):
    """Remembered logins are kept that no key of the settings opens."""

    code = "logins-unreadable"
    exit_status = ExitStatus.ERROR
    hint = "Add the key that they were kept with to the file of [logins] key; else they end with their time."
