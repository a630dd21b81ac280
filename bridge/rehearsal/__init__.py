"""A whole chat on local stand-in networks: the director, the bridge it runs, and the result."""
