"""A carrier to develop and test against; its interface is docs/CARRIER.md.

Run it with `python -m providers.carrier_simulator`. It dispatches and delivers on its own. The
postal code of the address chooses what a shipment does, see `routes.py`. `GET /effects` returns the
real effects for each order, `POST /control` sets faults, `DELETE /control` removes them.
"""
