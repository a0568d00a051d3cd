"""Look into the configuration files, where they are given or generated. Owns which files, and for which module."""

from collections.abc import Iterator
from dataclasses import dataclass

from p3idp.core.policy.model import Policy
from p3idp.core.site.apache_text import read_apache
from p3idp.core.site.describe import served_providers
from p3idp.core.site.findings import Finding, fail, skipped
from p3idp.core.site.lint_apache import lint_apache
from p3idp.core.site.lint_keystone import Expected, lint_keystone, read_keystone
from p3idp.ports.site import ApacheInstalled, SiteFiles


@dataclass(frozen=True, slots=True)
class FileLinks:
    """Paths of the two files, None where none is given and none was generated."""

    files: SiteFiles
    apache: ApacheInstalled
    apache_config: str | None
    keystone_config: tuple[str, ...]
    dashboards: tuple[str, ...]


def examine_files(policy: Policy, links: FileLinks) -> Iterator[Finding]:
    """Lint Apache's configuration and keystone.conf."""
    yield from _apache(policy, links)
    yield from _keystone(policy, links)


def _apache(policy: Policy, links: FileLinks) -> Iterator[Finding]:
    if links.apache_config is None:
        yield skipped("apache-provider", "Apache's configuration", "Not given: --apache-config FILE.")
        return
    main = links.files.read(links.apache_config)
    if main is None:
        yield fail("apache-provider", links.apache_config, "The file is not there, or may not be read.")
        return
    directives = read_apache(main, links.files.included)
    yield from lint_apache(directives, served_providers(policy), links.apache.module_version())


def _keystone(policy: Policy, links: FileLinks) -> Iterator[Finding]:
    if not links.keystone_config:
        yield skipped("auth-methods", "keystone.conf", "Not given: --keystone-config FILE.")
        return
    texts = []
    for path in links.keystone_config:
        file = links.files.read(path)
        if file is None:
            yield fail("auth-methods", path, "The file is not there, or may not be read.")
            return
        texts.append(file.text)
    expected = Expected(tuple(sorted({p.protocol for p in policy.site.identity_providers})), links.dashboards)
    # Several files are read in order by oslo.config, the last one winning: one text says the same.
    read = read_keystone(", ".join(links.keystone_config), "\n".join(texts))
    yield from lint_keystone(read, expected, links.files.exists)
