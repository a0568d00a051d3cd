"""The command line door. Asks ops; holds no rule."""
