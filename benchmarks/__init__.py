"""What clients of the Asterisk Manager Interface cost, side by side in one run. See `__main__`."""
