"""The index ``postgres``: passages, words and vectors in PostgreSQL.

Several servers share it. Passages are cut and embedded in child processes without secrets; SQL
runs in threads of the server. Words are ranked by ``ts_rank`` and their rarity, vectors by
pgvector.
"""
