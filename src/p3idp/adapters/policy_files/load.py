"""The policy directory to one value. Owns what its files make together, and that all mistakes come at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from p3idp.adapters.policy_files.community import CommunityReader
from p3idp.adapters.policy_files.environments import ENVIRONMENTS, EnvironmentFile, Overlaid, left_out, site_at
from p3idp.adapters.policy_files.explain import meant
from p3idp.adapters.policy_files.mistakes import Mistakes
from p3idp.adapters.policy_files.nodes import Document
from p3idp.adapters.policy_files.reading import Files
from p3idp.adapters.policy_files.schema import CommunityFile, SiteFile
from p3idp.adapters.policy_files.shared import alike_groups, alike_people, shared_groups, shared_projects
from p3idp.adapters.policy_files.site import convert_site
from p3idp.adapters.policy_files.verbatim import read_verbatim
from p3idp.core.policy.model import Community, Policy, PolicyId, Project, Site, VerbatimRules
from p3idp.errors.policy import PolicyInvalid

SITE_FILE = "site.yaml"
COMMUNITIES = "communities"
VERBATIM = "keystone"
MAX_FILES = 2000
_NO_SITE = Site(PolicyId("none"), "", "", "", ())
Instead = Mapping[str, bytes | None]


def load_policy(
    path: Path, *, lab: bool = False, instead: Instead = MappingProxyType({}), environment: str = ""
) -> Policy:
    """Read the policy directory anew. ``lab`` permits plain http. Raises PolicyInvalid: every mistake of every file.

    ``instead``: content that communities' files would have, by community; None for one that would be gone.
    ``environment``: whose differences are laid over; without one, the files are taken as they stand.
    """
    return _Reading(path, lab, instead, environment).policy()


def load_site(path: Path, *, lab: bool = False, environment: str = "") -> Site:
    """The site alone, also where there is no community yet. Raises PolicyInvalid."""
    return _Reading(path, lab, {}, environment).only_site()


class _Reading(Files):
    """One reading of the directory."""

    def __init__(self, root: Path, lab: bool, instead: Instead, environment: str) -> None:
        super().__init__(root, lab, {root / COMMUNITIES / f"{name}.yaml": raw for name, raw in instead.items()})
        self.environment = environment

    def policy(self) -> Policy:
        """The policy, or every mistake."""
        self._check_root()
        site_document, environments = self._read(self.root / SITE_FILE), self._environments()
        documents = [(file.stem, self._read(file)) for file in self._community_files()]
        site, without = self._site(site_document, environments, [name for name, _ in documents])
        # Communities are looked at even where the site file is wrong, so that nobody corrects one file at a time.
        readers = [reader for name, document in documents if (reader := self._reader(name, document, site or _NO_SITE))]
        communities = [each for each in self._communities(readers) if each.name not in without]
        verbatim = self._verbatim(site)
        if not {name for name, _ in documents} - without and not verbatim:
            self.places.append((COMMUNITIES, 1, "there is no community here, so the policy would give nobody anything"))
        if self.places or site is None:
            raise PolicyInvalid(tuple(sorted(set(self.places))))
        return Policy(site, tuple(communities), self.digest.hexdigest(), verbatim, self.texts, self.environment)

    def only_site(self) -> Site:
        """The site, or every mistake of its file."""
        self._check_root()
        site, _ = self._site(self._read(self.root / SITE_FILE), self._environments())
        if self.places or site is None:
            raise PolicyInvalid(tuple(sorted(set(self.places))))
        return site

    def _community_files(self) -> Sequence[Path]:
        there = self._listed(COMMUNITIES)
        gone = {file for file, raw in self.instead.items() if raw is None}
        good = self._well_named((there | self.instead.keys()) - gone, "a community's file is called <community>.yaml")
        if len(good) > MAX_FILES:
            self.places.append((COMMUNITIES, 1, f"more than {MAX_FILES} communities"))
        return good[:MAX_FILES]

    def _environments(self) -> Mapping[str, Document]:
        """What differs, by environment. Where some are described, the one that is meant is: a name mistyped is none."""
        rule = "an environment's file is called <environment>.yaml"
        found = {file.stem: self._read(file) for file in self._well_named(self._listed(ENVIRONMENTS), rule)}
        if self.environment and found:
            self.digest.update(f"environment\0{self.environment}\0".encode())
            if self.environment not in found:
                told = f"there is no {self.environment}.yaml here{meant(self.environment, found)}"
                self.places.append((ENVIRONMENTS, 1, f"{told}; where nothing differs there, write {{}} into it"))
        return found

    def _verbatim(self, site: Site | None) -> tuple[VerbatimRules, ...]:
        known = [f"{provider.id}.json" for provider in site.identity_providers] if site else []
        found: list[VerbatimRules] = []
        for file in sorted(self._listed(VERBATIM)):
            name = self._name(file)
            if site and file.name not in known:
                told = f"this file is not read: rules for Keystone alone are in {' or '.join(sorted(known))}"
                self.places.append((name, 1, told))
                continue
            raw = self._bytes(file)
            read = read_verbatim(name, file.stem, raw) if raw is not None else ()
            if isinstance(read, VerbatimRules):
                found.append(read)
            else:
                self.places.extend(read)
        return tuple(found)

    def _site(
        self, document: Document, environments: Mapping[str, Document], communities: Sequence[str] | None = None
    ) -> tuple[Site | None, frozenset[str]]:
        """The site of the environment that is meant, and the communities that it leaves out; all are looked at."""
        section = self._validate(document, SiteFile)
        own = {name: self._validate(each, EnvironmentFile) for name, each in environments.items()}
        if section is None:
            return None, frozenset()
        mistakes = Mistakes(document)
        site, without = convert_site(section, mistakes), frozenset[str]()
        self.places.extend(mistakes.places)
        for name, differs in own.items():
            if differs is None:
                continue
            mistakes = Overlaid(environments[name], beneath=document)
            there = site_at(differs, section, mistakes)
            absent = left_out(differs, differs.without_communities if communities is None else communities, mistakes)
            if name == self.environment:
                site, without = there, absent
            self.places.extend(mistakes.places)
        return site, without

    def _reader(self, name: str, document: Document, site: Site) -> CommunityReader | None:
        section = self._validate(document, CommunityFile)
        return CommunityReader(name, section, site, Mistakes(document)) if section else None

    def _communities(self, readers: Sequence[CommunityReader]) -> Sequence[Community]:
        everywhere: dict[str, Project] = {}
        for reader in readers:
            reader.check_projects()
            everywhere.update(reader.projects)
        communities = [replace(r.convert(), examples=r.examples(everywhere)) for r in readers]
        for reader in readers:
            self.places.extend(reader.mistakes.places)
        rules = [rule for community in communities for rule in community.rules]
        self.places.extend((*shared_groups(rules), *alike_groups(rules)))
        self.places.extend(alike_people(person for community in communities for person in community.people))
        self.places.extend(shared_projects(readers))
        return communities
