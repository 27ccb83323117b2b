"""The explicit pose indicator (EPI): poses of one body carried over to another."""
