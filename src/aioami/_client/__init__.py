"""The asyncio shell: options, one connection, the link over many of them, streams, the manager."""
