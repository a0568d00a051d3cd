"""OpenID Providers in Check-in's shape: discovery, keys, tokens, introspection."""
