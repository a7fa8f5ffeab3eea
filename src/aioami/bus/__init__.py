"""Reach: the events and actions of many servers over a bus, NATS with JetStream.

`aioami.bus.format` says what stands on the bus. It, and `aioami.bus.reader`, do no input and no
output; the rest needs the extra `aioami[nats]`.
"""
