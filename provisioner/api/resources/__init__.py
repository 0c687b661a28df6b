"""What each route does: read the call, ask the service, return an answer."""
