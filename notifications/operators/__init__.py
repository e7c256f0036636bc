"""Notify operators of what needs them: once for each cause, by mail and by webhook."""
