"""Validate several templates by the SAM CLI, in one process: it takes longer to start than to work.

Run by the SAM CLI's own Python: ``uvx --from aws-sam-cli python tools/sam_validate.py TEMPLATE...``
"""

import logging
import sys

from samcli.cli.main import cli


def main() -> None:
    logging.disable(logging.WARNING)  # on metrics that are not sent
    for template in sys.argv[1:]:
        try:
            cli(["validate", "--region", "us-east-1", "--template-file", template])
        except SystemExit as ended:
            if ended.code:
                raise


main()
