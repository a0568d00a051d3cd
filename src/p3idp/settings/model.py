"""All settings as one value, and what an environment changes of it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, StringConstraints, ValidationInfo, field_validator

from p3idp.errors.environments import EnvironmentNeeded, EnvironmentUnknown
from p3idp.settings.bounds import ApprovalsSettings, PlanSettings, RemovalSettings
from p3idp.settings.limits import LimitsSettings
from p3idp.settings.section import Section
from p3idp.settings.servers import KeystoneSettings, ProviderSettings, SiteConfigSettings, WebSettings
from p3idp.settings.state import CoordinationSettings, HistorySettings, LoginsSettings, OfflineSettings, StoreSettings

# It is also the name of a file in the policy directory.
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$")]


class LogSettings(Section):
    """Log level; the form is always JSON, one object a line, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class EnvironmentSettings(Section):
    """One Keystone that the policy is applied to, where there are several: its own ``keystone``, and what else differs.

    A section given here stands whole in the place of the one above, so that no half of an account crosses from one
    cloud to another; of ``providers``, each id for itself. Everything else holds everywhere.
    """

    keystone: KeystoneSettings
    providers: dict[str, ProviderSettings] = Field(default={})
    web: WebSettings | None = None
    store: StoreSettings | None = None
    history: HistorySettings | None = None
    logins: LoginsSettings | None = None
    offline: OfflineSettings | None = None
    removal: RemovalSettings | None = None
    plan: PlanSettings | None = None
    approvals: ApprovalsSettings | None = None
    coordination: CoordinationSettings | None = None
    limits: LimitsSettings | None = None
    site: SiteConfigSettings | None = None


class Settings(Section):
    """All of it. ``lab`` permits what only a demonstration may do: plain http on loopback.

    ``catalogue``: a local copy of EGI's catalogue of communities (vo-mappings.yaml), which p3idp never fetches.
    ``environments``: the Keystones that the policy is applied to, by name, where there are several;
    ``default_environment``: which of them is meant where a call names none. Without ``environments``, ``keystone`` is
    required.
    """

    policy_dir: Path
    catalogue: Path | None = None
    lab: bool = False
    environments: dict[EnvironmentName, EnvironmentSettings] = Field(default={})
    default_environment: str | None = None
    keystone_section: KeystoneSettings | None = Field(default=None, alias="keystone", validate_default=True)
    providers: dict[str, ProviderSettings] = Field(min_length=1)
    web: WebSettings | None = None
    store_section: StoreSettings | None = Field(default=None, alias="store")
    history: HistorySettings = HistorySettings()
    logins: LoginsSettings = LoginsSettings()
    offline: OfflineSettings = OfflineSettings()
    removal: RemovalSettings = RemovalSettings()
    plan: PlanSettings = PlanSettings()
    approvals: ApprovalsSettings = ApprovalsSettings()
    coordination: CoordinationSettings = CoordinationSettings()
    limits: LimitsSettings = LimitsSettings()
    site: SiteConfigSettings = SiteConfigSettings()
    log: LogSettings = LogSettings()
    _environment: str = PrivateAttr("")

    @field_validator("default_environment")
    @classmethod
    def _known(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None and name not in info.data.get("environments", {name}):
            raise ValueError(f"there is no [environments.{name}]")
        return name

    @field_validator("providers")
    @classmethod
    def _one_provider_a_client(cls, providers: dict[str, ProviderSettings]) -> dict[str, ProviderSettings]:
        """A command line names its client alone: of two providers one would get the other's refresh tokens."""
        clients = [each.command_line_client for each in providers.values() if each.command_line_client]
        if twice := sorted({name for name in clients if clients.count(name) > 1}):
            raise ValueError(f"two providers have one command_line_client: {', '.join(twice)}")
        return providers

    @field_validator("keystone_section")
    @classmethod
    def _somewhere(cls, section: KeystoneSettings | None, info: ValidationInfo) -> KeystoneSettings | None:
        if section is None and not info.data.get("environments", True):
            raise ValueError("this section is missing, and so is [environments.<name>.keystone]")
        return section

    @property
    def environment(self) -> str:
        """The environment that these settings are for; empty where none was named."""
        return self._environment

    @property
    def keystone(self) -> KeystoneSettings:
        """The Keystone of this call. Raises EnvironmentNeeded where it could be any of several."""
        if self.keystone_section is None:
            raise self._which("a Keystone")
        return self.keystone_section

    @property
    def store(self) -> StoreSettings:
        """The database of this call. Raises EnvironmentNeeded where environments have their own and none was named."""
        if self.store_section is not None:
            return self.store_section
        if not self._environment and any(each.store for each in self.environments.values()):
            raise self._which("a database")
        return StoreSettings(url="sqlite:///p3idp.sqlite")

    def _which(self, what: str) -> EnvironmentNeeded:
        return EnvironmentNeeded(f"This needs {what}, and there are several: {', '.join(sorted(self.environments))}.")

    def at(self, name: str) -> "Settings":
        """The settings for one environment. Raises EnvironmentUnknown."""
        if name not in self.environments:
            known = ", ".join(sorted(self.environments)) or "none"
            raise EnvironmentUnknown(f"There is no environment {name} in the settings; they name {known}.")
        own = self.environments[name]
        given = {each: value for each in type(own).model_fields if (value := getattr(own, each)) is not None}
        given |= {"keystone_section": given.pop("keystone"), "providers": {**self.providers, **own.providers}}
        if "store" in given:
            given["store_section"] = given.pop("store")
        chosen = self.model_copy(update=given)
        chosen._environment = name
        return chosen
