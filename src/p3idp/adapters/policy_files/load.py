"""The policy directory to one value. Owns which files belong to it, its digest, and that all mistakes come at once."""

import errno
import hashlib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from p3idp.adapters.policy_files.community import CommunityReader
from p3idp.adapters.policy_files.environments import ENVIRONMENTS, EnvironmentFile, Overlaid, left_out, site_at
from p3idp.adapters.policy_files.explain import explain, meant
from p3idp.adapters.policy_files.mistakes import Mistakes
from p3idp.adapters.policy_files.nodes import Document, read_document, shortened
from p3idp.adapters.policy_files.schema import CommunityFile, SiteFile
from p3idp.adapters.policy_files.shared import alike_groups, alike_people, shared_groups, shared_projects
from p3idp.adapters.policy_files.site import convert_site
from p3idp.adapters.policy_files.verbatim import read_verbatim
from p3idp.core.policy.model import Community, Policy, PolicyId, Project, Site, VerbatimRules
from p3idp.errors.policy import Place, PolicyInvalid

SITE_FILE = "site.yaml"
COMMUNITIES = "communities"
VERBATIM = "keystone"
MAX_FILES = 2000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NO_SITE = Site(PolicyId("none"), "", "", "", ())
M = TypeVar("M", bound=BaseModel)


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


class _Reading:
    """One reading of the directory."""

    def __init__(self, root: Path, lab: bool, instead: Instead, environment: str) -> None:
        self.root, self.lab, self.environment = root, lab, environment
        self.instead = {root / COMMUNITIES / f"{name}.yaml": raw for name, raw in instead.items()}
        self.places: list[Place] = []
        self.digest = hashlib.sha256()
        self.texts: dict[str, str] = {}

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

    def _check_root(self) -> None:
        try:
            os.listdir(self.root)
        except OSError as exc:
            told = f"the policy directory cannot be read: {exc.strerror}"
            raise PolicyInvalid(((str(self.root), 1, told),)) from exc

    def _community_files(self) -> Sequence[Path]:
        there = self._listed(COMMUNITIES)
        gone = {file for file, raw in self.instead.items() if raw is None}
        good = self._well_named((there | self.instead.keys()) - gone, "a community's file is called <community>.yaml")
        if len(good) > MAX_FILES:
            self.places.append((COMMUNITIES, 1, f"more than {MAX_FILES} communities"))
        return good[:MAX_FILES]

    def _well_named(self, files: Collection[Path], rule: str) -> list[Path]:
        good = []
        for file in sorted(files):
            if file.suffix == ".yaml" and _NAME.fullmatch(file.stem):
                good.append(file)
            else:
                self.places.append((self._name(file), 1, f"this file is not read: {rule}"))
        return good

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

    def _listed(self, part: str) -> set[Path]:
        """The files of a directory below, without what editors leave behind."""
        directory = self.root / part
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            names = []
        except OSError as exc:
            self.places.append((part, 1, f"the directory cannot be read: {exc.strerror}"))
            return set()
        return {directory / name for name in names if not name.startswith((".", "#")) and not name.endswith("~")}

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

    def _bytes(self, file: Path) -> bytes | None:
        name = self._name(file)
        try:
            raw = given if (given := self.instead.get(file)) is not None else _whole(file)
        except OSError as exc:
            self.places.append((name, 1, f"the file cannot be read: {exc.strerror}"))
            return None
        self.digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
        self.texts[name] = raw.decode(errors="replace")  # what is not UTF-8 is a mistake of its own
        return raw

    def _read(self, file: Path) -> Document:
        name = self._name(file)
        raw = self._bytes(file)
        if raw is None:
            return Document(name)
        document = read_document(name, raw)
        self.places.extend(document.mistakes)
        return document

    def _name(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

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

    def _validate(self, document: Document, model: type[M]) -> M | None:
        if document.data is None:
            return None
        try:
            return model.model_validate(document.data, context={"lab": self.lab})
        except ValidationError as exc:
            self.places.extend(shortened(explain(document, model, exc)))
            return None

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


def _whole(file: Path) -> bytes:
    if file.is_fifo():
        raise OSError(errno.EINVAL, "it is a pipe, and nobody may be writing")
    return file.read_bytes()
