"""Power cuts and failing disks: a disk that forgets, clients, and audits.

It needs root and ``/dev/fuse``. The tests run a few cuts; ``make soak-power`` runs hundreds.
"""
