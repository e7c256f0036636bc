"""What a worker does: one module for each role. worker.py runs them."""
