"""A live page of an exchange, for a browser: calls, queues, and a form that places calls."""
