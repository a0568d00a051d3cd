"""What every section of the settings is: frozen, no unknown key, no secret in an address. Owns that base."""

import re

from pydantic import BaseModel, ConfigDict

# In front of the host, or among the driver's options: user:password@, ?password=, ?passwd=, ?sslpassword=.
_PASSWORD_IN_URL = re.compile(r"//[^/@]*:[^@]*@|[?&][a-z_]*passw(?:or)?d=", re.IGNORECASE)


class Section(BaseModel):
    """One section of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def refuse_password(url: str) -> str:
    """The address as it is. Raises ValueError where it holds a password."""
    if _PASSWORD_IN_URL.search(url):
        raise ValueError("a secret is given by reference: take it out and name it as `password`")
    return url
