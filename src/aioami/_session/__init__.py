"""One conversation with a server, without any I/O."""
