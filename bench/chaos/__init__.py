"""A gateway between providers that fail at random and clients that misbehave: the books must balance.

Every request carries an ``x-request-id``. The clients write down what they asked and what they saw, the fault
proxy what it sent for it, the gateway's log what it says happened; afterwards the three are compared. See
docs/testing.md for the invariants.
"""
