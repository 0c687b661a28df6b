"""Count the prime numbers below a bound, on all processors of the machine.

The payload is in the variable PAYLOAD; the result goes to RESULT_URI, from where it becomes the
run's output.
"""

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor

import boto3


def main() -> None:
    """Run once."""
    below = int(json.loads(os.environ["PAYLOAD"])["below"])
    if not 2 <= below <= 100_000_000:
        raise ValueError(f"below is {below}; it must be from 2 to 100000000")
    processors = len(os.sched_getaffinity(0))
    ranges = [range(first, below, processors) for first in range(processors)]
    with ProcessPoolExecutor(processors) as pool:
        primes = sum(pool.map(count, ranges))
    result = {"below": below, "primes": primes, "processors": processors}
    bucket, _, key = os.environ["RESULT_URI"].removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(result).encode())
    print(f"{primes} primes below {below}, counted on {processors} processors")


def count(numbers: range) -> int:
    """Return how many of the numbers are prime."""
    return sum(map(is_prime, numbers))


def is_prime(number: int) -> bool:
    """Tell whether a number is prime."""
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


if __name__ == "__main__":
    try:
        main()
    except (KeyError, ValueError) as error:
        sys.exit(f"prime-count: {error}")
