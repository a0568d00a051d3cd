"""The browser and REST door. Asks ops; holds no rule."""
