-- count_jobs: how many jobs are in a state.
SELECT count(*) AS total FROM embedding_jobs WHERE state = %(state)s
