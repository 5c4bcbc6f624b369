"""The files of a new plugin, as ``pdfsluice new-plugin`` writes them.

For each kind of part there is the module and its test; ``$name`` and ``$module`` stand for the
names of the distribution and of the module. Nothing here is imported by the server.
"""
