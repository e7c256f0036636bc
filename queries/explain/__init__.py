"""Explain one order: what happened, what it waits for, and where its money and its stock are."""
