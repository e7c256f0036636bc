"""What the two simulators share: books in SQLite, idempotency, faults on demand, webhooks."""
