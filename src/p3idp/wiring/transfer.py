"""What leaves p3idp for other tools, and what comes in from them."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import wire_access
from p3idp.wiring.mappings import wire_group_names, wire_mapping_import

if TYPE_CHECKING:
    from p3idp.ops.export import Export
    from p3idp.ops.import_projects import ProjectsImport
    from p3idp.ops.import_site import SiteImport
    from p3idp.settings import Settings


def wire_export() -> "Export":
    """The policy's objects for other tools."""
    from p3idp.adapters.export_files import WrittenFiles
    from p3idp.ops.export import Export

    return Export(WrittenFiles())


def wire_site_import(settings: "Settings") -> "SiteImport":
    """Takes over a live cloud."""
    from p3idp.ops.import_site import SiteImport

    return SiteImport(wire_mapping_import(), wire_access(settings).reader, lambda: wire_group_names(settings))


def wire_projects_import() -> "ProjectsImport":
    """Takes over files for os-projects."""
    from p3idp.adapters.export_files import WrittenFiles
    from p3idp.adapters.os_projects import read_os_projects
    from p3idp.adapters.policy_files.skeleton import skeletons
    from p3idp.ops.import_projects import ProjectsImport

    return ProjectsImport(read_os_projects, skeletons, WrittenFiles())
