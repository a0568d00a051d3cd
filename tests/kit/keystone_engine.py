"""Keystone's own mapping engine, asked many questions: the other side of every proof and measurement.

Run by the Python of a Keystone's virtual environment; only the standard library and Keystone are there. Reads JSON
lines `{"rules": …, "schema_version": …, "assertions": […]}` and writes one for each: `{"invalid": <exception>}` or
`{"answers": […]}`, an answer being `{"result": …}`, `{"raises": <exception>, "message": …}`, or `{"unsayable": true}`
for a result that JSON cannot hold. `--fixtures` prints the mappings and assertions of Keystone's own unit tests,
`--time SECONDS` answers each line with the evaluations per second instead.
"""

import json
import logging
import runpy
import sys
import warnings
from pathlib import Path
from time import process_time

import keystone
import keystone.conf
from keystone.federation import utils


def answer(question):
    mapping = {"id": "m", "rules": question["rules"], "schema_version": question["schema_version"]}
    try:
        utils.validate_mapping_structure(mapping)
        processor = processor_of(mapping)
    except Exception as exc:
        return {"invalid": type(exc).__name__}
    return {"answers": [evaluated(processor, assertion) for assertion in question["assertions"]]}


def processor_of(mapping):
    if hasattr(utils, "create_attribute_mapping_rules_processor"):
        return utils.create_attribute_mapping_rules_processor(mapping)
    return utils.RuleProcessor(mapping["id"], mapping["rules"])  # releases that know schema 1.0 only


def evaluated(processor, assertion):
    try:
        result = processor.process(assertion)
    except Exception as exc:
        return {"raises": type(exc).__name__, "message": str(exc)[:200]}
    try:
        return {"result": json.loads(json.dumps(result))}
    except (TypeError, ValueError):
        return {"unsayable": True}


def timed(question, seconds):
    mapping = {"id": "m", "rules": question["rules"], "schema_version": question["schema_version"]}
    processor, assertions = processor_of(mapping), question["assertions"]
    done, began = 0, process_time()
    while True:
        for assertion in assertions:
            processor.process(assertion)
            done += 1
            if done % 8 == 0 and process_time() - began > seconds:
                return {"per_second": done / (process_time() - began)}


def fixtures():
    # By path: the package around it wants Keystone's whole test suite installed.
    file = Path(keystone.__file__).parent / "tests" / "unit" / "mapping_fixtures.py"
    named = runpy.run_path(str(file))
    mappings = {name: each for name, each in named.items() if isinstance(each, dict) and "rules" in each}
    assertions = {name: each for name, each in named.items() if "ASSERTION" in name and name not in mappings}
    return {"mappings": mappings, "assertions": assertions}


def main():
    keystone.conf.configure()
    warnings.simplefilter("ignore")
    if sys.argv[1:] == ["--fixtures"]:
        json.dump(fixtures(), sys.stdout, default=lambda odd: None)  # what is no text is ignored anyway
        return
    seconds = float(sys.argv[2]) if sys.argv[1:2] == ["--time"] else None
    if seconds is None:
        logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(answer(question) if seconds is None else timed(question, seconds)), flush=True)


if __name__ == "__main__":
    main()
