"""Horizon takes its site's settings from the package `local`; this one is the lab's."""
