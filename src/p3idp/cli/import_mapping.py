"""`p3idp import mapping`. Owns its options and what is printed; the import is ops/import_mapping's."""

import json
import warnings
from pathlib import Path

import click

from p3idp import wiring
from p3idp.cli.importing import hand_over
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.cli.terminal import harmless
from p3idp.core.keystone_rules.schema import VERSIONS
from p3idp.core.mappings.importing.choices import Choices
from p3idp.core.mappings.importing.remarks import Remark
from p3idp.ops.import_mapping import MappingImported, asked_keystone, read_mapping


@click.command("mapping")
@json_option
@settings_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "target", metavar="DIR", type=click.Path(path_type=Path), help="Write into this new directory.")
@click.option(
    "--identity-provider", metavar="ID", default="egi", show_default=True, help="The provider's id in Keystone."
)
@click.option("--domain", metavar="NAME", default="", help="The Keystone domain of its people and groups.")
@click.option("--issuer", "issuers", metavar="URL", multiple=True, help="Where no rule asks for an issuer.")
@click.option("--schema-version", type=click.Choice(VERSIONS), help="Default: the one in the file, else 1.0.")
@click.option("--tighten", is_flag=True, help="Ask for the entitlement itself where a pattern accepts more.")
@click.option("--keystone", is_flag=True, help="Ask Keystone for groups' names and roles, by the settings' account.")
def import_mapping(
    file: Path,
    target: Path | None,
    identity_provider: str,
    domain: str,
    issuers: tuple[str, ...],
    schema_version: str | None,
    tighten: bool,
    keystone: bool,
    settings_file: str | None,
    as_json: bool,
) -> int:
    """Turn the Keystone mapping in FILE into a policy directory.

    FILE holds the JSON list of rules, the object around it, or what Keystone's API sends. What the policy can say
    becomes policy; what it cannot stays as it is in keystone/<provider>.json, with a warning that says why. Old rules
    and new mapping then answer the same made-up logins; a difference that no warning names ends the import with status
    1. Nothing is ever overwritten; without --to the files are printed.
    """
    warnings.simplefilter("ignore")  # Python's remarks about the style of other people's patterns
    rules, version = read_mapping(file.read_bytes(), schema_version)
    choices = Choices(identity_provider, domain, issuers, tighten)
    if keystone:
        settings = load_settings(settings_file)
        choices = asked_keystone(choices, wiring.wire_access(settings).reader, wiring.wire_group_names(settings))
    importer = wiring.wire_mapping_import()
    imported = importer.run(rules, version, choices, wiring.now())
    if target is not None:
        importer.write(imported, str(target))
    body = _json(imported, target) if as_json else None
    return hand_over(imported.files, target, _lines(imported, len(rules), target), body)


def _json(imported: MappingImported, target: Path | None) -> dict[str, object]:
    replayed = imported.replayed
    return {
        "files": dict(imported.files),
        "remarks": [remark.as_json() for remark in imported.remarks],
        "replay": {"tried": replayed.tried, "let_in": replayed.let_in, "named_by_remarks": replayed.excused},
        "rules_not_tried": list(replayed.unmet),
        "verbatim": sorted(imported.found.kept),
        "written": None if target is None else str(target),
    }


def _lines(imported: MappingImported, rules: int, target: Path | None) -> list[str]:
    found, replayed = imported.found, imported.replayed
    said = len({terms.number for each in found.said for terms in each.terms})
    lines = [f"{rules} rules: {said} said as policy, {len(found.kept)} kept as they are. Rules are counted from 0."]
    lines += [line for remark in imported.remarks for line in remark_lines(remark)]
    lines.append(
        f"Tried {replayed.tried:,} logins on the old rules and the new mapping: {replayed.let_in:,} had access; "
        f"{replayed.excused:,} come out otherwise, as named above, and no others."
    )
    if replayed.unmet:
        lines.append(f"No login could be made up that meets rule {_numbers(replayed.unmet)}: look at it yourself.")
    if target is not None:
        lines.append(
            f"Written: {len(imported.files)} files in {harmless(str(target))}. Next: fill in, then `p3idp plan`."
        )
    return lines


def remark_lines(remark: Remark) -> list[str]:
    """A remark for people."""
    where = f"rule {_numbers(remark.rules)}: " if remark.rules else ""
    kept = " [kept as it is]" if remark.kept else ""
    lines = [f"warning {remark.code}{kept}: {where}{harmless(remark.told)}"]
    lines += [f"    for example {harmless(json.dumps(dict(remark.login), ensure_ascii=False))}"] if remark.login else []
    return [*lines, f"    {harmless(remark.todo)}"] if remark.todo else lines


def _numbers(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, numbers[:12]))
    return f"{shown} and {len(numbers) - 12} more" if len(numbers) > 12 else shown
