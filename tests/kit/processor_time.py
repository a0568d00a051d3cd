"""How much processor time the servers of a lab used. Owns the reading of Linux's /proc."""

import os
from collections.abc import Mapping
from pathlib import Path

from p3idp.lab.handle import LabHandle

_TICK = os.sysconf("SC_CLK_TCK")


class ProcessorTime:
    """Seconds of processor time so far: of Keystone, its Apache, Check-in, the broker, and this process."""

    def __init__(self, lab: LabHandle, broker: int) -> None:
        self._words = {
            "keystone": str(lab.layout.run / "keystone.sock"),
            "apache": str(lab.layout.state / "apache" / "apache2.conf"),
            "checkin": str(lab.layout.state / "checkin"),
        }
        self._broker = broker

    def read(self) -> Mapping[str, float]:
        """Now, by the server's name. Take one reading from another."""
        spent = dict.fromkeys([*self._words, "broker", "this script"], 0.0)
        for place in Path("/proc").glob("[0-9]*"):
            try:
                command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            if name := self._name(int(place.name), int(fields[1]), command):
                spent[name] += (int(fields[11]) + int(fields[12])) / _TICK
        return spent

    def _name(self, identity: int, parent: int, command: str) -> str:
        if identity == os.getpid():
            return "this script"
        if self._broker in (identity, parent):
            return "broker"
        return next((name for name, word in self._words.items() if word in command), "")
