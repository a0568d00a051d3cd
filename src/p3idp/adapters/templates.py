"""Configuration templates through Jinja2. Owns where templates are found and the filters that refuse unsafe values."""

import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

import p3idp
from p3idp.core.site import values as safe
from p3idp.errors.site import ConfigurationRefused


def templates_directory(subject: str) -> Path:
    """``templates/<subject>``: inside an installed wheel ``p3idp/_templates``, else in the checkout."""
    package = Path(p3idp.__file__).parent
    for place in (package / "_templates", package.parent.parent / "templates"):
        if (place / subject).is_dir():
            return place / subject
    raise ConfigurationRefused(f"The templates for {subject} are not installed.", hint="Install p3idp again.")


class JinjaRenderer:
    """Renders ``templates/config``. A name a template does not know is an error, not an empty text."""

    def __init__(self, directory: Path | None = None) -> None:
        # Not HTML: escaping is per kind of file, by filters that refuse. The one HTML page takes constants only.
        self._environment = Environment(  # noqa: S701 - no HTML, as said above
            loader=FileSystemLoader(directory or templates_directory("config")),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters |= {
            "apache": lambda value: safe.for_apache(str(value), "a value for Apache"),
            "apache_secret": lambda value: safe.secret_for_apache(str(value), "a secret for Apache"),
            "ini": lambda value: safe.for_ini(str(value), "a value for keystone.conf"),
            "python": lambda value: repr(safe.for_python(str(value), "a value for Horizon's settings")),
        }

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """Fill one template; runs of empty lines become one."""
        try:
            text = self._environment.get_template(name).render(values)
        except TemplateError as exc:
            raise ConfigurationRefused(f"The template {name} cannot be filled: {exc}.") from exc
        return re.sub(r"\n{3,}", "\n\n", text)
