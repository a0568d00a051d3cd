"""One catalogue of errors, by subject. Owns codes, exit statuses, HTTP statuses and hints; raises nothing itself."""

from p3idp.errors.base import ExitStatus, P3idpError

__all__ = ["ExitStatus", "P3idpError"]
