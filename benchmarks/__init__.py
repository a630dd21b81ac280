"""Measurements anyone can run: `./dev bench`. Each figure stands beside a limit measured in the same run, since
absolute timings say more about the machine than about the bridge."""
