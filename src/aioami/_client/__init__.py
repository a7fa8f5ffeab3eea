"""The asyncio shell: options, a connection, the link that renews it, streams, and the manager."""
