"""Ask Keystone's own engine every example login of every case. Prints how many it was asked; ends with 1 at a lie."""

import sys
import warnings
from pathlib import Path

from asked_keystone import AskedKeystone
from lint_cases import CASES
from lint_proof import is_proven, keystones

from p3idp.core.mappings.lint import Shown, Written, lint_rules

PYTHON = Path(__file__).parents[2] / ".venvs/keystone/bin/python"


def main() -> int:
    warnings.simplefilter("ignore")
    asked, lies = 0, []
    with AskedKeystone(PYTHON) as engine:
        for name, case in CASES.items():
            for each in lint_rules(Written(name, case.wrong), case.version):
                if each.shows is not None and each.shows.what is Shown.DECLINED:
                    continue  # Keystone's engine would be at it for years
                asked += each.login is not None
                if not is_proven(each, case.wrong, keystones(case.version, engine)):
                    lies.append(each)
    for each in lies:
        print(each)
    print(asked)
    return bool(lies)


if __name__ == "__main__":
    sys.exit(main())
