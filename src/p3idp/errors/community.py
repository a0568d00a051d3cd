"""Errors of the commands that write communities' policy files."""

from p3idp.errors.base import ExitStatus, P3idpError
from p3idp.errors.policy import Place


class CommunityNameBad(P3idpError):
    """A community's name cannot be the name of a file."""

    code = "community-name-bad"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "A name holds letters, digits, dots, hyphens and underscores; slashes may part it, as in /biomed/vip."


class CommunityUnknown(P3idpError):
    """The policy has no community of this name."""

    code = "community-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "`p3idp community list` shows them all."


class PersonUnknown(P3idpError):
    """The community's file names nobody of this subject."""

    code = "person-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "`p3idp community show NAME` shows whom it names; subjects are compared to the letter."


class CommunityExists(P3idpError):
    """The policy has a community of this name already; nothing is overwritten."""

    code = "community-exists"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Edit its file, or look at it with `p3idp community show`."


class CommunityFileOdd(P3idpError):
    """A community's file is written in a way that p3idp does not change, or changed meanwhile."""

    code = "community-file-odd"
    exit_status = ExitStatus.ERROR
    http_status = 409
    hint = "Change the file by hand, then run `p3idp plan`; nothing was changed."


class EntitlementBad(P3idpError):
    """What should open a community is no group entitlement, or nobody said what it is."""

    code = "entitlement-bad"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Give the right one with --entitlement URN; the community's managers know it."


class CatalogueInvalid(P3idpError):
    """The catalogue of communities and their entitlements cannot be read. ``places`` lists (file, line, message)."""

    code = "catalogue-invalid"
    exit_status = ExitStatus.USAGE
    http_status = 503
    hint = "Correct the lines named above or fetch the file anew, or do without it: --entitlement URN."

    def __init__(self, places: tuple[Place, ...]) -> None:
        super().__init__("\n".join(f"{file}:{line}: {message}" for file, line, message in places))
        self.places = places


class NotConfirmed(P3idpError):
    """Something that needs a person's yes did not get it."""

    code = "not-confirmed"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Type the community's name when asked, or give --yes; nothing was changed."
