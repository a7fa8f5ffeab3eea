"""`aioami shell`: the prompt, its language, its completion and its history."""
