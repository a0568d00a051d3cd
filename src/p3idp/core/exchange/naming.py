"""The names p3idp gives what it leaves in Keystone during an exchange."""

# Application credentials with this prefix are p3idp's: made for one exchange, deleted once they have expired.
CREDENTIAL_PREFIX = "p3idp-exchange-"


def credential_name(unique: str) -> str:
    """Name an application credential; ``unique`` keeps one person's parallel exchanges apart."""
    return f"{CREDENTIAL_PREFIX}{unique}"
