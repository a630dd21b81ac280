"""What hosts and participants can tell the bridge, by what it is about. `commands.obey` is the door."""
