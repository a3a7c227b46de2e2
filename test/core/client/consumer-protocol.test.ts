import { expect, test } from 'vitest';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../core/client/consumer-protocol.ts';

test('a subscription keeps all it says', () => {
  const subscription = {
    topics: ['a', 'ü'],
    userData: Buffer.from('x'),
    ownedPartitions: [{ topic: 'a', partitions: [0, 2] }],
    generationId: 7,
    rack: 'r1',
  };
  const read = decodeSubscription(encodeSubscription(subscription));
  expect({ ...read, userData: Buffer.from(read.userData!) }).toEqual(subscription);
  expect(decodeSubscription(encodeSubscription({ topics: [], userData: null, ownedPartitions: [] }))).toEqual({
    topics: [],
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    rack: null,
  });
});

test('older and newer versions are read: fewer fields are defaults, more are passed over', () => {
  const v0 = Buffer.from('0000' + '00000001' + '0001' + '74' + 'ffffffff', 'hex');
  expect(decodeSubscription(v0)).toEqual({
    topics: ['t'],
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    rack: null,
  });
  // As segmentio's client writes it: a version that has more, and nothing more.
  for (const version of ['0001', '0002', '0003']) {
    const short = Buffer.from(`${version}00000001000174ffffffff`, 'hex');
    expect(decodeSubscription(short)).toEqual(decodeSubscription(v0));
  }
  const v9 = Buffer.concat([
    encodeSubscription({ topics: ['t'], userData: null, ownedPartitions: [] }),
    Buffer.from('more'),
  ]);
  v9.writeInt16BE(9);
  expect(decodeSubscription(v9).topics).toEqual(['t']);
});

test('an assignment keeps all it says, in the bytes of Kafka, and none is an empty one', () => {
  const bytes = encodeAssignment({ partitions: [{ topic: 't', partitions: [1] }], userData: null });
  expect(Buffer.from(bytes).toString('hex')).toBe(
    '0000' + '00000001' + '0001' + '74' + '00000001' + '00000001' + 'ffffffff',
  );
  expect(decodeAssignment(bytes)).toEqual({ partitions: [{ topic: 't', partitions: [1] }], userData: null });
  expect(decodeAssignment(new Uint8Array(0))).toEqual({ partitions: [], userData: null });
});

test('hostile lengths are refused', () => {
  const hostile = Buffer.from('0000' + '7fffffff', 'hex');
  expect(() => decodeSubscription(hostile)).toThrow(expect.objectContaining({ code: 'MALFORMED_BYTES' }));
  expect(() => decodeAssignment(hostile)).toThrow(expect.objectContaining({ code: 'MALFORMED_BYTES' }));
});
