"""Barbican's way in for the lab: its own looks for a paste file in /etc."""

import os

from paste.deploy import loadapp

application = loadapp("config:" + os.environ["LAB_BARBICAN_PASTE"], name="main")
