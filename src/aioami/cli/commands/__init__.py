"""The commands of `aioami`, one a module, each a function of the module's name."""
