import { expect, test, vi } from 'vitest';
import { systemClock } from '../../core/kernel/clock.ts';
import type { Logger } from '../../core/kernel/logger.ts';
import { type Random, seededRandom } from '../../core/kernel/random.ts';
import { apiNames } from '../../core/protocol/api-table.ts';
import { listen } from '../../core/server/listener.ts';
import { rawClient } from '../support/raw-client.ts';
import { scriptedNode } from '../support/scripted-node.ts';
import { messageFixtures, messages } from './fixtures.ts';

// Not the one that the scripted node fails on.
const requests = messageFixtures.filter(
  ({ message, kind }) =>
    kind !== 'defaults' && message.endsWith('Request') && message !== 'FindCoordinatorRequest' && messages.has(message),
);

/** A whole request of Kafka's own making. */
function wellFormed(random: Random): Uint8Array {
  const { message, version, bytes } = requests[random.integer(requests.length)]!;
  const { apiKey, flexibleFrom } = messages.get(message)!;
  const header = Buffer.alloc(version >= flexibleFrom ? 15 : 14);
  header.writeInt32BE(header.length - 4 + bytes.length, 0);
  header.writeInt16BE(apiKey, 4);
  header.writeInt16BE(version, 6);
  header.writeInt32BE(random.integer(1_000), 8);
  header.writeInt16BE(-1, 12);
  return Buffer.concat([header, bytes]);
}

function spoilt(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(bytes);
  switch (random.integer(5)) {
    case 0: // cut short, so that what follows is read as its rest
      return copy.subarray(0, random.integer(copy.length));
    case 1: // a bit
      copy[random.integer(copy.length)]! ^= 1 << random.integer(8);
      return copy;
    case 2: // the length
      copy.set(random.bytes(4), 0);
      return copy;
    case 3: // API and version
      copy.set(random.bytes(4), 4);
      return copy;
    default: // a length inside
      copy.set([0x7f, 0xff, 0xff, 0xff], Math.min(14 + random.integer(copy.length), copy.length - 4));
      return copy;
  }
}

test.each([1, 2, 3, 4])('whatever is sent, the listener lives on and serves others, seed %i', async (seed) => {
  const random = seededRandom(seed);
  const errors: unknown[] = [];
  const logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (fields, message) => void errors.push({ ...fields, message }),
  };
  const node = scriptedNode();
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    serve: node.serve,
    apis: apiNames,
    clock: systemClock,
    logger,
    limits: { closeMs: 0, 'socket.request.max.bytes': 1 << 20 },
  });
  const good = await rawClient(listener.port);
  const bad = [];
  for (let round = 0; round < 60; round++) {
    const client = await rawClient(listener.port);
    bad.push(client);
    const sent = Array.from({ length: 1 + random.integer(4) }, () => {
      const request = wellFormed(random);
      return random.integer(3) === 0 ? request : spoilt(request, random);
    });
    const stream = Buffer.concat(sent);
    for (let at = 0; at < stream.length; ) {
      const size = 1 + random.integer(stream.length);
      client.write(stream.subarray(at, at + size));
      at += size;
      if (random.integer(4) === 0) await systemClock.nextTurn();
    }
    if (random.integer(3) === 0) client.close();
    else if (random.integer(2) === 0) client.socket.end();
    good.ask('heartbeat', 4, { groupId: 'g', memberId: 'm', generationId: round }, round);
    expect(await good.answer('heartbeat', 4)).toMatchObject({ correlationId: round, response: { errorCode: round } });
  }
  for (const client of bad) client.close();
  await vi.waitFor(() => expect(listener.connections).toBe(1));
  expect(errors).toEqual([]);
  expect(node.begun.length).toBeGreaterThan(60);
  await listener.close();
  good.close();
});
