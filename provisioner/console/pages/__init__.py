"""One module for what belongs together: it asks the service, and hands templates the answer."""
