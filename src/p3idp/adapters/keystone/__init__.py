"""Keystone, through python-keystoneclient and keystoneauth."""
