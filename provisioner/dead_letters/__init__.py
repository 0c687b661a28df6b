"""Dead-letter messages: what is in one, and how it is done again. No I/O."""
