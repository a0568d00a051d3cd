"""What leaves p3idp for other tools, and what comes in from them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3idp.ops.export import Export


def wire_export() -> "Export":
    """The policy's objects for other tools."""
    from p3idp.adapters.export_files import WrittenFiles
    from p3idp.ops.export import Export

    return Export(WrittenFiles())
