"""What a machine of an `ec2` job is given to run."""
