"""Exports as files: YAML that Ansible reads as it was meant, and directories that appear whole or not at all."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from p3idp.adapters.export_files.new_directory import write_new
from p3idp.adapters.export_files.yaml_text import yaml_text


class WrittenFiles:
    """See ports.export.ExportFiles."""

    def yaml(self, head: Sequence[str], content: object) -> str:
        """See ports.export.ExportFiles."""
        return yaml_text(head, content)

    def write(self, target: str, files: Mapping[str, str], programs: Collection[str] = ()) -> None:
        """See ports.export.ExportFiles."""
        write_new(Path(target), files, programs)
