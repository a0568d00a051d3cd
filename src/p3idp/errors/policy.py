"""Errors of the policy directory."""

from p3idp.errors.base import ExitStatus, P3idpError


class PolicyInvalid(P3idpError):
    """The policy directory holds something that is not a policy. ``places`` lists (file, line, message)."""

    code = "policy-invalid"
    exit_status = ExitStatus.USAGE
    http_status = 503
    hint = "Correct the lines named above; nothing was changed."

    def __init__(self, places: "tuple[Place, ...]", *, hint: str = "") -> None:
        super().__init__("\n".join(f"{file}:{line}: {message}" for file, line, message in places), hint=hint)
        self.places = places


class ClaimsInvalid(P3idpError):
    """Claims that were given to p3idp to look at are none: the detail names the place."""

    code = "claims-invalid"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Claims are one JSON object, as the userinfo endpoint of the identity provider answers it."


class PolicyChanged(P3idpError):
    """The policy directory changed since this process read it."""

    code = "policy-changed"
    exit_status = ExitStatus.ERROR
    http_status = 503
    hint = "Reload the web service, so that it answers from the policy that was applied."


Place = tuple[str, int, str]
