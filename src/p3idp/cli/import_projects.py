"""`p3idp import projects`. Owns its options and what is printed; the import is ops/import_projects'."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from p3idp import wiring
from p3idp.cli.importing import hand_over
from p3idp.cli.options import json_option
from p3idp.cli.terminal import harmless
from p3idp.core.os_projects import WHY, Dropped
from p3idp.ops.import_projects import ProjectsImported


@click.command("projects")
@json_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "target", metavar="DIR", type=click.Path(path_type=Path), help="Write into this new directory.")
def import_projects(file: Path, target: Path | None, as_json: bool) -> int:
    """Turn the projects and users of FILE, made for stackhpc.os-projects, into drafts of communities.

    Each project becomes a community that uses it as it is, each set of roles a rule whose entitlement a person fills
    in; until then the loader refuses the draft. Passwords are not even read; what else a policy does not say is
    listed. Without --to the files are printed.
    """
    importer = wiring.wire_projects_import()
    imported = importer.run(file.read_bytes())
    if target is not None:
        importer.write(imported, str(target))
    body = {
        "dropped": [each.as_json() for each in imported.dropped],
        "files": dict(imported.files),
        "written": None if target is None else str(target),
    }
    return hand_over(imported.files, target, map(harmless, _lines(imported, target)), body if as_json else None)


def _lines(imported: ProjectsImported, target: Path | None) -> Iterator[str]:
    yield f"{imported.projects} projects, {imported.people} people. Left behind:"
    by_reason: defaultdict[str, list[Dropped]] = defaultdict(list)
    for each in imported.dropped:
        by_reason[each.why].append(each)
    for why, those in by_reason.items():
        yield f"  {WHY[why]}:"
        yield from (f"    line {each.line}: {each.what}" for each in those)
    if target is not None:
        yield f"Written: {', '.join(str(target / name) for name in imported.files)}"
        yield "Next: fill in entitlements and contacts, and move the files into the policy directory."
