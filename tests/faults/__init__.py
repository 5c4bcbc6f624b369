"""Power cuts and failing disks: a file system that forgets, clients that remember, and audits.

It needs root and ``/dev/fuse``. The tests run a few cuts; ``make soak-power`` runs hundreds.
"""
