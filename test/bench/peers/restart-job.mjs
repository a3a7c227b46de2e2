// The count of restart.mjs as a Millrace job: the same state, exactly once, and only markers go out.
import { count, filter, groupByKey, job, safeInt64, topic, toStream, utf8 } from 'millrace';

const partitions = Number(process.env.RESTART_PARTITIONS);
const each = { partitions, key: utf8 };

export default job(
  'restart-millrace',
  [
    topic('restart-in', utf8, each)
      .pipe(
        groupByKey(),
        count({ as: 'counts' }),
        toStream(),
        filter((_, { key }) => key.startsWith('marker')),
      )
      .to(topic('restart-out-millrace', safeInt64, each)),
  ],
  { guarantee: 'exactlyOnce' },
);
