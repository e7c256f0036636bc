"""The embedded default: every server and process of Waybill, from wheels, on loopback."""
