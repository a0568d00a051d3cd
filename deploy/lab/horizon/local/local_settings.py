"""What the lab's Horizon has of its own. The sign-in part is what `p3idp site config` generates, taken over whole.

Where things are comes from the environment, so that nothing is ever written here or into Horizon's installation.
"""

import os
from pathlib import Path

# HORIZON_CONFIG is half made when Horizon reads this file; it is there to be changed.
from openstack_dashboard.settings import HORIZON_CONFIG

_state = Path(os.environ["LAB_HORIZON_STATE"])

DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
SECRET_KEY = Path(os.environ["LAB_HORIZON_SECRET_KEY"]).read_text(encoding="ascii").strip()
LOCAL_PATH = str(_state)
STATIC_ROOT = os.environ["LAB_HORIZON_STATIC"]
COMPRESS_OFFLINE = True

# Horizon's defaults want a memcached.
SESSION_ENGINE = "django.contrib.sessions.backends.file"
SESSION_FILE_PATH = str(_state / "sessions")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

OPENSTACK_SSL_CACERT = os.environ["LAB_HORIZON_CA"]
# Keystone is the only service here, and the usual first page (what the project uses) asks Nova.
LOGIN_REDIRECT_URL = "/project/api_access/"
HORIZON_CONFIG["user_home"] = LOGIN_REDIRECT_URL

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    # It looks for Neutron at every page, and says so.
    "loggers": {"openstack_dashboard.api.neutron": {"level": "CRITICAL"}},
}

from horizon_local_settings import *  # noqa: E402, F403 - at the end, as the generated file itself asks for
