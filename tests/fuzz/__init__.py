"""Coverage-guided fuzzing of everything that reads what a server sends.

    python -m tests.fuzz --inputs 10_000_000 --jobs 4

Random bytes, and mutations of the conformance cases and of a recording of a real Asterisk, go through the checks of
`targets.py`. An input passes if it is read as the plain reader of `plain.py` reads it, or ends in a `ProtocolError`.
"""
