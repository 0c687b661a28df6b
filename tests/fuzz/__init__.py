"""Requests to the API that nobody would think of."""
