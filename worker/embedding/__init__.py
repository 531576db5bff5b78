"""Embedding the catalog's photos.

The path of a run: `run` fills each model's queue (`queue`), copies the vectors of identical photos
(`reuse`), gets an engine ready (`engines`), whose `worker` drains the queue in batches, and builds
the index. `reconnect` restarts it after an outage; `registration` registers models.
"""
