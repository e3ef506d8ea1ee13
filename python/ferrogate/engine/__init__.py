"""From configuration to the engine: what is said, what is in force, what crosses the boundary."""
