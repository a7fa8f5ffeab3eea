"""Load on a real server, faults, and the account of both. `python -m tests.soak` runs it for as long as you like."""
