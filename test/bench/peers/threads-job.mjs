// The job of threads.mjs: a good deal of arithmetic for each record. Each thread writes down when its first record came.
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { job, map, topic, utf8 } from 'millrace';

const each = { partitions: Number(process.env.BENCH_PARTITIONS), key: utf8 };
let isFirst = true;

export default job(process.env.BENCH_JOB, [
  topic('bench-threads', utf8, each)
    .pipe(
      map((value) => {
        if (isFirst) appendFileSync(process.env.BENCH_STARTS, `${Date.now()}\n`);
        isFirst = false;
        let digest = value;
        for (let i = 0; i < 20; i++) digest = createHash('sha256').update(digest).digest('hex');
        return digest;
      }),
    )
    .to(topic('bench-threads-out', utf8, each)),
]);
