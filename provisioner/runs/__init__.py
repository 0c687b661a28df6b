"""What happens to a run outside its workflow: end, turn, dependants, messages. No I/O."""
