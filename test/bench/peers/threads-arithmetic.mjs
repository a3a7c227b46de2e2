// The arithmetic of threads.mjs, for each record of its job, and by itself in a thread whose data say how often.
import { createHash } from 'node:crypto';
import { workerData } from 'node:worker_threads';

export function digestOf(value) {
  let digest = value;
  for (let i = 0; i < 20; i++) digest = createHash('sha256').update(digest).digest('hex');
  return digest;
}

// In a thread of the job the data are those of a worker.
const { digests = 0 } = workerData ?? {};
for (let i = 0; i < digests; i++) digestOf('x'.repeat(100));
