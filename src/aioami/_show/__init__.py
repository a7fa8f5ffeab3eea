"""Messages and objects in forms for people: HTML, data frames, ladders. Loaded at the first use."""
