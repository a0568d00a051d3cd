"""Errors of Keystone's mapping rules."""

from p3idp.errors.base import ExitStatus, P3idpError


class MappingRulesInvalid(P3idpError):
    """Keystone would refuse to save these rules. ``places`` lists (path, message)."""

    code = "mapping-rules-invalid"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Correct the places named above."

    def __init__(self, places: "tuple[tuple[str, str], ...]") -> None:
        super().__init__("\n".join(f"{path}: {message}" for path, message in places))
        self.places = places
