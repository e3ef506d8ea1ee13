"""The bars that the project holds itself to, measured by one method; see docs/bench.md."""
