"""How values look to a reader. Each module is loaded when it is first asked for."""
