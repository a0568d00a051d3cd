"""What is outside: one package per system. Translates its exceptions at the border."""
