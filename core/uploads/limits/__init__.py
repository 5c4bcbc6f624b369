"""Limits of uploads, principals and accounts: bandwidth, rates, shares, quotas.

Limits of the settings, of stored accounts and of all nodes together belong here. A limit on
one kind of data belongs to the module that owns the data.
"""
