"""What happens to a run outside its workflow: its end, overlap, dependants, messages. No I/O."""
