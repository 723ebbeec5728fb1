"""The ranking: all methods in the tests that know a right map, on several networks."""
