"""The caches of the Python engine: equal requests, shared calls, and questions that mean the same.

Which requests are equal, what may be kept and how it is served again is decided by the compiled code; what
is kept, and for how long, is written here: plainly, as the baseline of the benchmark.
"""

from ferrogate.reference.cache.kept import KeptAnswers, Named, Served

__all__ = ["KeptAnswers", "Named", "Served"]
