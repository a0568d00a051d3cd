"""What may reach a terminal. Names in Keystone, scopes of requests and providers' documents are anyone's words."""


def harmless(text: str) -> str:
    """The text in one line; what would steer the terminal is shown as a mark."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def harmless_lines(text: str) -> str:
    """The same for text of several lines, which stay."""
    return "\n".join(map(harmless, text.split("\n")))
