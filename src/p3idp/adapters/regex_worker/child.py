"""The worker: searches for patterns until its time is over, and then dies. Owns the limits on itself.

Run as a script by an isolated Python (``-I -S``), with nothing but the standard library. One JSON line asks
``[number, fresh, pattern, texts]``, one answers ``[number, [true, …]]``, or ``{"error": name, "message": text}`` in
place of the list. ``fresh`` winds up the clock: it counts processor time, and the kernel ends the process when it runs
out, also in the middle of a search, which no Python code could. So the process that was started only watches: it forks
the one that answers, says ``null`` when that one died, and forks the next. The first line says that both are there.
"""

import json
import os
import re
import resource
import signal
import sys
import warnings
from collections.abc import Sequence

_LEAST_SECONDS = 0.001


def answer(pattern: str, texts: Sequence[str]) -> object:
    """What ``re.search`` says to each text."""
    try:
        compiled = re.compile(pattern)
        return [compiled.search(text) is not None for text in texts]
    except (re.error, OverflowError, RecursionError, ValueError, MemoryError) as exc:
        return {"error": type(exc).__name__, "message": str(exc)[:200]}


def serve(seconds: float) -> None:
    """Answer until nobody asks any more."""
    left = seconds
    for line in sys.stdin:
        number, fresh, pattern, texts = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds if fresh else max(left, _LEAST_SECONDS))
        said = answer(pattern, texts)
        # The clock stands still while the answer is written: whoever dies has not answered.
        left, _ = signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps([number, said]), flush=True)


def main() -> None:
    """Have a process answer, as long as somebody asks."""
    seconds, memory = float(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    print("ready", flush=True)
    while True:
        answering = os.fork()
        if not answering:
            serve(seconds)
            os._exit(0)
        if os.waitpid(answering, 0)[1] == 0:
            return
        print("null", flush=True)


if __name__ == "__main__":
    main()
