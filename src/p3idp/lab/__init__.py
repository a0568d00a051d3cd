"""The demonstration: real servers on this machine, in the shape of a site."""
