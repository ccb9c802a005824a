"""The caches that are stored under `results/`: which there are, whether they are whole, which are needed, and the room
that they take. What one file holds is the module `cache`'s."""
