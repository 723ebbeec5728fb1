"""Each paper's test as a function of a method, and the engine that runs them. Knows no HTML."""
