"""`p3idp mapping evaluate`: one assertion, or one a line. Owns what is read from files and what is printed."""

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.mapping_file import read_json
from p3idp.cli.options import json_option
from p3idp.core.keystone_rules import Explanation, Failed, Kind, Mapped, RuleBroken, RuleHit, RuleMiss, Verdict
from p3idp.core.keystone_rules.schema import VERSIONS
from p3idp.errors import ExitStatus
from p3idp.ops.evaluate import Evaluator, read_line, sayable

_STATUS = {
    Kind.NO_MATCH: ExitStatus.REFUSED,
    Kind.REFUSED: ExitStatus.REFUSED,
    Kind.EVALUATION_ERROR: ExitStatus.ERROR,
    Kind.INVALID_RULE: ExitStatus.USAGE,
}
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@json_option
@click.option("--rules", "rules_file", metavar="FILE", type=_FILE, help="The mapping, as JSON.")
@click.option("--schema-version", type=click.Choice(VERSIONS), help="Default: the one in the file, else 1.0.")
@click.option("--assertion", "assertion_file", metavar="FILE", type=_FILE, help="Environment keys and values, as JSON.")
@click.option("--batch", is_flag=True, help="Read questions from standard input, one JSON object a line.")
def evaluate(
    rules_file: Path | None, schema_version: str | None, assertion_file: Path | None, batch: bool, as_json: bool
) -> int:
    """Evaluate mapping rules as Keystone's own engine does, quirks included.

    With --batch, each line is {"id": …, "rules": […], "schema_version": "2.0", "assertion": {…}} and is answered, in
    order, by {"id": …, "result": …} or {"id": …, "error": {"kind": …, "message": …}}.

    Exit status: 0 a result, 4 no rule matches or p3idp declines, 1 Keystone would fail, 2 Keystone would not save the
    rules.
    """
    warnings.simplefilter("ignore")  # Python's remarks about the style of other people's patterns
    evaluator = Evaluator(wiring.wire_search())
    if batch:
        return _batch(evaluator)
    if rules_file is None or assertion_file is None:
        raise click.UsageError("--rules and --assertion are needed, or --batch.")
    mapping = _mapping(read_json(rules_file))
    version = schema_version or mapping.get("schema_version", "1.0")
    explanation = evaluator.explain(mapping.get("rules"), version, read_json(assertion_file))
    outcome = explanation.outcome
    click.echo(as_json_text(sayable(outcome)) if as_json else _told(explanation))
    return ExitStatus.OK if isinstance(outcome, Mapped) else _STATUS[outcome.kind]


def _batch(evaluator: Evaluator) -> int:
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := read_line(questions):
        answers.write(evaluator.answer_line(line))
        answers.flush()  # whoever asks may wait for this answer before asking more
    return ExitStatus.OK


def _mapping(read: Any) -> Mapping[str, Any]:
    """A file may hold the rules alone, the object around them, or what Keystone's API sends."""
    if isinstance(read, list):
        return {"rules": read}
    inner = read.get("mapping", read) if isinstance(read, dict) else None
    return inner if isinstance(inner, dict) else {}


def _told(explanation: Explanation) -> str:
    outcome = explanation.outcome
    lines = [_verdict(verdict) for verdict in explanation.verdicts]
    if isinstance(outcome, Failed):
        return "\n".join([*lines, f"No result ({outcome.kind}): {_shown(outcome.message)}"])
    person = outcome.person
    lines.append(f"User: {_shown(person.name or person.id or '(none)')} ({person.type})")
    lines += [
        f"Group: {_shown(g.name)} in {_shown(g.domain_name or g.domain_id or '(no domain)')}" for g in outcome.groups
    ]
    lines += [f"Group id: {_shown(str(each))}" for each in outcome.group_ids]
    lines += [f"Project: {_shown(p.project)}: {_shown(', '.join(p.roles) or '(no role)')}" for p in outcome.grants]
    return "\n".join(lines)


def _verdict(verdict: Verdict) -> str:
    if isinstance(verdict, RuleHit):
        return f"rule {verdict.rule}: applies"
    if isinstance(verdict, RuleMiss):
        place = f"rule {verdict.rule}: does not apply, requirement {verdict.requirement} ({_shown(verdict.attribute)})"
        if verdict.condition == "present":
            return f"{place}: not there"
        found = _shown(", ".join(verdict.found))
        return f"{place}: {verdict.condition} {_shown(as_json_text(list(verdict.wanted)))}, found {found}"
    if isinstance(verdict, RuleBroken):
        return f"rule {verdict.rule}: broken"
    raise AssertionError(verdict)


def _shown(text: str) -> str:
    """Claims come from strangers: nothing in them may steer a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
