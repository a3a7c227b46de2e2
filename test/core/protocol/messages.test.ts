import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../../core/kernel/byte-reader.ts';
import { ByteWriter } from '../../../core/kernel/byte-writer.ts';
import { createPieces } from '../../../core/protocol/pieces.ts';
import type { Message } from '../../../core/protocol/schema.ts';
import { anyValueOf } from '../../wire/any-message.ts';
import { messageFixtures, messages } from '../../wire/fixtures.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const encoded = (message: Message, version: number, value: unknown): Uint8Array => {
  const writer = new ByteWriter();
  message.encode(value, version, writer);
  return writer.take();
};

describe.each([...messages])('%s', (name, message) => {
  test('is read and written as Apache Kafka does, in every version', () => {
    const fixtures = messageFixtures.filter((fixture) => fixture.message === name);
    const [lowest, highest] = message.versions;
    const versions = Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i);
    expect([...new Set(fixtures.map(({ version }) => version))]).toEqual(versions);
    for (const { version, kind, bytes, value } of fixtures) {
      const reader = new ByteReader(bytes);
      const decoded = message.decode(reader, version);
      expect(decoded, `v${version} ${kind}`).toEqual(message.create(value));
      expect(reader.remaining).toBe(0);
      expect(hex(encoded(message, version, decoded)), `v${version} ${kind}`).toBe(hex(bytes));
    }
  });

  test('comes back from its bytes, whatever is in it', () => {
    const [min, max] = message.versions;
    const cases = fc
      .integer({ min, max })
      .chain((version) => fc.tuple(fc.constant(version), anyValueOf(message.shape, version)));
    const holds = fc.property(cases, ([version, value]) => {
      const whole = message.create(value);
      const bytes = encoded(message, version, whole);
      const reader = new ByteReader(bytes);
      const decoded = message.decode(reader, version);
      expect(decoded).toEqual(whole);
      expect(reader.remaining).toBe(0);
      const writer = new ByteWriter();
      const pieces = createPieces();
      message.encode(decoded, version, writer, pieces);
      expect(hex(Buffer.concat(pieces.join(writer.take())))).toBe(hex(bytes));
    });
    fc.assert(holds, { numRuns: 40 });
  });
});
