"""A reader of the bus in another language: Node's client of NATS follows a log, and makes of it what Python makes."""
