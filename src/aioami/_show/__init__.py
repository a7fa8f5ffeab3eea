"""Views for readers. Each module is loaded when it is first asked for."""
