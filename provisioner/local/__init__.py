"""The embedded engine: the whole product on one machine, without an AWS account.

`engine` runs MiniStack, an AWS emulator, in a process of its own (`install` puts it there, `shim`
adds what it lacks of AWS, `containers` finds what runs containers). `deploy` puts the very
template.yaml that goes to AWS onto it with the real SAM CLI, `examples` writes the example rows
and runs them. `up` is all of it in order; `commands` is what people type.

Nothing outside this package knows whether it runs here or on AWS: only AWS_ENDPOINT_URL differs.
"""
