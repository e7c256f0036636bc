"""Notify customers of the final facts of their orders, from the log and once for each fact."""
