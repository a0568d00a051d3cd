"""`p3idp import site`. Owns its options and what is printed; the import is ops/import_site's."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import click

from p3idp import wiring
from p3idp.cli.access_text import change_lines
from p3idp.cli.import_mapping import remark_lines
from p3idp.cli.importing import hand_over
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.cli.terminal import harmless
from p3idp.core.access.plan import Change
from p3idp.ops.import_site import Asked, SiteImported


@click.command("site")
@json_option
@settings_option
@click.option("--to", "target", metavar="DIR", type=click.Path(path_type=Path), help="Write into this new directory.")
@click.option("--identity-provider", "providers", metavar="ID", multiple=True, help="Only this one; repeatable.")
@click.option("--domain", metavar="NAME", default="", help="Where providers are in several domains: which one.")
@click.option("--tighten", is_flag=True, help="Ask for the entitlement itself where a pattern accepts more.")
def import_site(
    target: Path | None,
    providers: tuple[str, ...],
    domain: str,
    tighten: bool,
    settings_file: str | None,
    as_json: bool,
) -> int:
    """Turn what Keystone holds into a policy directory: providers, mappings, groups, projects and roles.

    Keystone is asked by the settings' account, and nothing in it is changed. What the policy can say becomes policy;
    rules that it cannot say stay as they are in keystone/<provider>.json, each with a warning. Old and new mapping
    answer the same made-up logins, and what a plan from the new directory would do is said. Without --to the files are
    printed.
    """
    warnings.simplefilter("ignore")  # Python's remarks about the style of other people's patterns
    importer = wiring.wire_site_import(load_settings(settings_file))
    imported = importer.run(Asked(providers, domain, tighten), wiring.now())
    if target is not None:
        importer.write(imported, str(target))
    body = _json(imported, target) if as_json else None
    return hand_over(imported.files, target, site_lines(imported, target), body)


def _json(imported: SiteImported, target: Path | None) -> dict[str, object]:
    effects = imported.effects
    return {
        "files": dict(imported.files),
        "left_out": [remark.as_json() for remark in imported.left],
        "plan": {
            "empty": effects.empty,
            "moved": [change.as_json() for change in effects.moved],
            "others": [change.as_json() for change in effects.others],
            "taken_over": [change.as_json() for change in effects.taken_over],
        },
        "providers": {
            name: {
                "remarks": [remark.as_json() for remark in part.remarks],
                "replay": {"tried": part.replayed.tried, "let_in": part.replayed.let_in},
                "verbatim": sorted(part.found.kept),
            }
            for name, part in imported.parts.items()
        },
        "written": None if target is None else str(target),
    }


def site_lines(imported: SiteImported, target: Path | None) -> Iterator[str]:
    """What an operator should know of the import, ending with what a plan would do."""
    for name, part in imported.parts.items():
        said, kept = len(part.found.said_rules), len(part.found.kept)
        yield f"{harmless(name)}: {said} rules said as policy, {kept} kept as they are. Rules are counted from 0."
        yield from (line for remark in part.remarks for line in remark_lines(remark))
        yield f"  Tried {part.replayed.tried:,} logins on the old rules and the new mapping; none is let in otherwise."
    yield from (line for remark in imported.left for line in remark_lines(remark))
    yield from _plan(imported)
    if target is not None:
        yield f"Written: {len(imported.files)} files in {harmless(str(target))}. Next: fill in, then `p3idp plan`."


def _plan(imported: SiteImported) -> Iterator[str]:
    effects = imported.effects
    if effects.empty:
        yield "A plan from these files is empty: Keystone holds what they say."
        return
    heads = (
        ("It takes these over, and changes nothing of them but the mark (finding foreign-object):", effects.taken_over),
        ("It moves logins to a mapping that lets in the same people:", effects.moved),
        ("It changes more than that. Look at each:", effects.others),
    )
    yield "A plan from these files does not change what is not named here."
    for head, changes in heads:
        if changes:
            yield head
            yield from (line for change in changes for line in _change(change))


def _change(change: Change) -> Iterator[str]:
    first, *details = change_lines(change)
    yield f"{first} ({change.resource.kind.replace('_', ' ')})"
    yield from details
