"""Errors of replaying remembered logins."""

from p3idp.errors.base import P3idpError


class NoLogins(P3idpError):
    """The file of remembered logins holds none, so that nothing is known of the draft."""

    code = "replay-no-logins"
    http_status = 400
    hint = "Give a file with one login a line, as docs/how-to/replay-a-draft.md describes it."
