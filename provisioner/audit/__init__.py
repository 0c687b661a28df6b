"""What was done, and by whom: entries of the audit, and versions of rows. Pure.

=============  ================================================================================
`entries`      an action, from its intent to its outcome
`row_changes`  what differs between two rows, attribute by attribute
`versions`     what a row was, as the Jobs table's stream has it; who is known to have written it
=============  ================================================================================
"""
