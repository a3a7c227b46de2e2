// The job of threads.mjs: a good deal of arithmetic for each record. Each thread writes down when its first record came.
import { appendFileSync } from 'node:fs';
import { job, map, topic, utf8 } from 'millrace';
import { digestOf } from './threads-arithmetic.mjs';

const each = { partitions: Number(process.env.BENCH_PARTITIONS), key: utf8 };
let isFirst = true;

export default job(process.env.BENCH_JOB, [
  topic('bench-threads', utf8, each)
    .pipe(
      map((value) => {
        if (isFirst) appendFileSync(process.env.BENCH_STARTS, `${Date.now()}\n`);
        isFirst = false;
        return digestOf(value);
      }),
    )
    .to(topic('bench-threads-out', utf8, each)),
]);
