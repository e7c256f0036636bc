"""Notify customers of final facts, receivers of events, and operators of what needs them."""
