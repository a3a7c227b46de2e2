import { expect, test } from 'vitest';

import { compile, job, table, topic, toStream, utf8 } from '../../../dsl/index.ts';
import type { StoreQuery } from '../../../runtime/state/store.ts';
import { answerOf } from '../../../runtime/worker/store-question.ts';

test('bytes within a value are base64, whether they are a Buffer or not', async () => {
  const topology = compile(job('j', [table('rows', utf8).pipe(toStream()).to(topic('out', utf8))]));
  const value = { buffer: Buffer.from('a'), bytes: Uint8Array.of(97), list: [Buffer.from('a')], big: 1n };
  const query = { kind: 'keyValue', get: () => ({ value, timestampMs: 1 }) } as unknown as StoreQuery;
  const wanted = { kind: 'row', key: utf8.encode('k'), startMs: null } as const;
  expect(await answerOf({ task: null, store: 'rows', wanted }, topology, query)).toEqual({
    kind: 'rows',
    rows: [{ key: 'k', value: { buffer: 'YQ==', bytes: 'YQ==', list: ['YQ=='], big: '1' }, timestampMs: 1 }],
    more: false,
  });
});
