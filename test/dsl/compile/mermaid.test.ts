import { expect, test } from 'vitest';
import {
  compile,
  count,
  groupBy,
  job,
  json,
  mermaid,
  safeInt64,
  sink,
  source,
  topic,
  toStream,
  view,
} from '../../../dsl/index.ts';
import { sinkNamed, sourceNamed, viewNamed } from '../support.ts';

test('sub-topologies are boxes, topics stand between them, stores hang on their steps', () => {
  const counts = topic('counts', safeInt64);
  const perPage = source(sourceNamed<{ page: string }>('clicks "live"')).pipe(
    groupBy((click) => click.page),
    count({ as: 'per-page' }),
    toStream(),
  );
  const program = job('clicks', [
    perPage.to(counts),
    topic('alarms', json<string>()).pipe(sink(sinkNamed('pager'))),
    counts.pipe(view(viewNamed('top'))),
  ]);
  expect(mermaid(compile(program))).toMatchInlineSnapshot(`
    "flowchart TD
      subgraph "sub-topology 0"
        s0_1["selectKey"]
      end
      subgraph "sub-topology 1"
        s1_1["count per-page"]
        s1_2["toStream"]
        k1_0[["per-page"]]
      end
      subgraph "sub-topology 2"
        s2_1["drop tombstones"]
        s2_2>"to pager"]
      end
      t0[("clicks-per-page-repartition")]
      t1[("counts")]
      t2[("alarms")]
      s0_0{{"clicks #quot;live#quot;"}}
      s0_0 --> s0_1
      s0_1 --> t0
      t0 --> s1_1
      s1_1 -.- k1_0
      s1_1 --> s1_2
      s1_2 --> t1
      t2 --> s2_1
      s2_1 --> s2_2
      v0>"top"]
      t1 --> v0"
  `);
});
