"""The commands of `aioami`: each module has one, a function with the module's name."""
