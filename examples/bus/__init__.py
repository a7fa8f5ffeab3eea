"""Two servers on a bus, two relays, and a program that follows both: `make demo-bus`."""
