"""One module a Lambda function, thin: take names out of the event, hand them on, answer.

Nothing here may be decided, and nothing may wait.
"""
