// Whether this container's worker works: it serves metrics from its start, and this one once it asks Temporal for tasks.
const url = `http://127.0.0.1:${process.env.FAIRLEAD_METRICS_PORT}/metrics`;
const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
const isAtWork = (await answer.text()).includes('temporal_worker_start');
process.exitCode = isAtWork ? 0 : 1;
