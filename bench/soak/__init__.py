"""Hours in minutes: the highest steady load, and whether anything grows that should not.

See docs/testing.md for what is asserted and by which bound.
"""
