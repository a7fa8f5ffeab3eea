"""`aioami top`: the full screen and the rows of its tables."""
