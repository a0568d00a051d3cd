"""Generate the configuration of Apache, Keystone and Horizon that belongs to the policy.

Owns which files there are, which of them are secret, and that nothing is written which Apache does not accept.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from p3idp.core.policy.model import Policy
from p3idp.core.site.describe import describe
from p3idp.core.site.model import SiteDescription, SiteFacts
from p3idp.core.site.versions import ModuleVersion, parse_version
from p3idp.errors.site import ConfigurationRefused
from p3idp.ports.site import ApacheInstalled, ConfigurationDirectory, Renderer

APACHE = "apache.conf"
KEYSTONE = "keystone.conf"
CALLBACK = "sso_callback_template.html"
HORIZON = "horizon_local_settings.py"
SECRETS_PREFIX = "apache-secrets"
DEFAULT_INSTALL_DIR = "/etc/p3idp/site"

# In the callback page, and by their hashes in its Content-Security-Policy. Keystone fills the page by
# string.Template: a dollar sign would have to be doubled, so there is none.
_SCRIPT = 'document.getElementById("handover").submit();'
_STYLE = "body{font:1rem/1.5 system-ui,sans-serif;margin:0}main{max-width:32rem;margin:15vh auto;padding:0 1rem}"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: file names in order, for which module version, and whether Apache has checked it."""

    files: tuple[str, ...]
    module: ModuleVersion
    checked: bool


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """The generated configuration of one site. ``directory_at`` opens the place to write to."""

    policy: Policy
    facts: SiteFacts
    renderer: Renderer
    apache: ApacheInstalled
    directory_at: Callable[[Path], ConfigurationDirectory]

    def render(self, module_version: str | None = None, install_dir: str | None = None) -> Mapping[str, str]:
        """All files, name to text, for a module version (else the one installed here), to lie in ``install_dir``."""
        facts = replace(self.facts, install_dir=install_dir or self.facts.install_dir or DEFAULT_INSTALL_DIR)
        site = describe(self.policy, facts, self._module(module_version))
        values = _values(site)
        files = {
            name: self.renderer.render(f"{name}.j2", values)
            for name in (APACHE, f"{SECRETS_PREFIX}.conf", KEYSTONE, CALLBACK, HORIZON)
        }
        for host in (each for each in site.hosts if not each.provider.by_keys):
            name = f"{SECRETS_PREFIX}-{host.provider.id}.conf"
            files[name] = self.renderer.render(f"{SECRETS_PREFIX}-provider.conf.j2", {**values, "host": host})
        return dict(sorted(files.items()))

    def write(self, out_dir: Path, *, module_version: str | None = None, check: bool = True) -> Written:
        """Render, let Apache check, then write into ``out_dir``. Raises ConfigurationRefused; then nothing is written.

        The files include one another in ``[site] install_dir`` where the settings name one, else in ``out_dir``.
        """
        module = self._module(module_version)
        install_dir = self.facts.install_dir or str(out_dir.resolve())
        files = self.render(str(module), install_dir)
        if check:
            self._check(files, module, install_dir)
        self.directory_at(out_dir).write(files, frozenset(n for n in files if n.startswith(SECRETS_PREFIX)))
        return Written(tuple(files), module, checked=check)

    def _check(self, files: Mapping[str, str], module: ModuleVersion, install_dir: str) -> None:
        installed = self.apache.module_version()
        if installed is not None and installed != module:
            raise ConfigurationRefused(
                f"The configuration for mod_auth_openidc {module} cannot be checked here: {installed} is installed.",
                hint="Run this on Keystone's host, or write it unchecked with --no-check.",
            )
        self.apache.check({n: t for n, t in files.items() if n.startswith("apache")}, APACHE, install_dir)

    def _module(self, given: str | None) -> ModuleVersion:
        module = self.apache.module_version() if given is None else parse_version(given)
        if module is not None:
            return module
        if given is not None:
            raise ConfigurationRefused(f"{given!r} is not a version of mod_auth_openidc.", hint="For example 2.4.12.3.")
        raise ConfigurationRefused(
            "mod_auth_openidc is not installed here, so its version is not known.",
            hint="Name the version on Keystone's host: --module-version 2.4.12.3 --no-check.",
        )


def _values(site: SiteDescription) -> dict[str, object]:
    return {
        "site": site,
        "facts": site.facts,
        "script": _SCRIPT,
        "style": _STYLE,
        "script_hash": _csp_hash(_SCRIPT),
        "style_hash": _csp_hash(_STYLE),
    }


def _csp_hash(text: str) -> str:
    """The source expression of an inline text (CSP level 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
