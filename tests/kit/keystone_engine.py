"""Keystone's own mapping engine, asked many questions at once.

Run by the Python of Keystone's virtual environment: reads a mapping and a list of environments from standard input,
writes what each login would become. Only the standard library and Keystone are there.
"""

import json
import sys


def main() -> None:
    import keystone.conf
    from keystone.federation import utils

    keystone.conf.configure()
    question = json.load(sys.stdin)
    mapping = question["mapping"]
    utils.validate_mapping_structure(mapping)
    processor = utils.create_attribute_mapping_rules_processor(mapping)
    json.dump([answer(processor, environment) for environment in question["environments"]], sys.stdout)


def answer(processor, environment: dict[str, str]) -> dict[str, object]:
    try:
        mapped = processor.process(environment)
    except Exception as exc:
        return {"refused": type(exc).__name__}
    groups = sorted({(group["name"], group["domain"]["name"]) for group in mapped["group_names"]})
    return {"user": mapped["user"], "groups": groups, "ids": mapped["group_ids"], "projects": mapped["projects"]}


if __name__ == "__main__":
    main()
