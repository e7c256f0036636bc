"""Count what happens to all orders, for analytics."""
