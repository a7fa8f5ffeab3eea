"""The clients, each used as its documentation says. A case that a client's interface has no notion of is not there."""
