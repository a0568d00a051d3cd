"""One frozen value a subject, read from one TOML file; secrets by reference; unknown keys are errors."""

from p3idp.settings.load import load_settings, settings_path
from p3idp.settings.model import Settings

__all__ = ["Settings", "load_settings", "settings_path"]
