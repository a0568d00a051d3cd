"""The worker: searches for patterns until its time is over, and then dies. Owns the limits on itself.

Run as a script by an isolated Python (``-I -S``), with nothing but the standard library. One JSON line asks
``[fresh, pattern, texts]``, one answers ``[true, …]`` or ``{"error": name, "message": text}``. ``fresh`` winds up the
clock: it counts processor time, and the kernel ends the process when it runs out, also in the middle of a search,
which no Python code could. The first line says that the worker is there.
"""

import json
import re
import resource
import signal
import sys
import warnings
from collections.abc import Sequence


def answer(pattern: str, texts: Sequence[str]) -> object:
    """What ``re.search`` says to each text."""
    try:
        compiled = re.compile(pattern)
        return [compiled.search(text) is not None for text in texts]
    except (re.error, OverflowError, RecursionError, ValueError, MemoryError) as exc:
        return {"error": type(exc).__name__, "message": str(exc)[:200]}


def main() -> None:
    """Answer until nobody asks any more."""
    seconds, memory = float(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    print("ready", flush=True)
    for line in sys.stdin:
        fresh, pattern, texts = json.loads(line)
        if fresh:
            signal.setitimer(signal.ITIMER_PROF, seconds)
        print(json.dumps(answer(pattern, texts)), flush=True)


if __name__ == "__main__":
    main()
