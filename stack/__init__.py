"""Run every server and process of Waybill from wheels on loopback."""
