// A worker may be told to stop at any moment: while it joins, opens tasks and copies of state, restores, commits or gives
// tasks up. Whatever it waits for then must not wait for the stop itself.
import { beforeAll, expect, test } from 'vitest';
import { createClient } from '../../core/client/index.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { loadCompression } from '../../core/protocol/compression/registry.ts';
import { compile } from '../../dsl/compile/compile.ts';
import { count, groupByKey, job, safeInt64, topic, toStream, utf8 } from '../../dsl/index.ts';
import { prepareTopics } from '../../runtime/app/prepare.ts';
import { createHost } from './simulated-host.ts';
import { createLink } from './simulated-network.ts';
import { createSimulatedNode } from './simulated-node.ts';
import { createSimulatedTime } from './simulated-time.ts';

/** Of simulated time: a stop takes a few round trips of some milliseconds. */
const stopMsMax = 4_000;
const partitions = 4;

beforeAll(loadCompression);

async function stopOneOfTwo(seed: number, guarantee: 'atLeastOnce' | 'exactlyOnce') {
  const random = seededRandom(seed * 7_919);
  const time = createSimulatedTime(random);
  const settings = { 'group.initial.rebalance.delay.ms': 0, 'offsets.topic.num.partitions': 1 };
  const node = createSimulatedNode({ time, random, logger: silentLogger, settings, onGone: () => {} });
  await time.within(10_000, 'starting the node', node.start());
  const failures: unknown[] = [];
  const onBug = (error: unknown) => void failures.push(error);
  const process = time.process('tester');
  const { network } = createLink({ process, nodeAt: node.at, random, onBug });
  const tester = createClient({ network, clientId: 'tester', clock: process.clock, random, logger: silentLogger });
  const words = topic('words', utf8, { partitions, key: utf8 });
  const counted = topic('counted', safeInt64, { partitions, key: utf8 });
  const program = job('stopping', [words.pipe(groupByKey(), count({ as: 'n' }), toStream()).to(counted)], {
    guarantee,
    standbys: 1,
    commitInterval: '100 milliseconds',
  });
  const topology = compile(program, { environment: 'development' });
  await time.within(10_000, 'making topics', tester.admin().createTopics([{ name: 'words', partitions }]));
  const layout = await time.within(10_000, 'making topics', prepareTopics(topology, tester.admin(), process.clock));
  const shared = { time, nodeAt: node.at, random, loggerOf: () => silentLogger, topology, layout, onBug };
  const host = (name: string) => createHost(name, { ...shared, onFailed: (_host, error) => void failures.push(error) });
  const [north, south] = [host('north'), host('south')];
  const producer = tester.producer({});
  const sent = Array.from({ length: 40 }, (_, i) =>
    producer.send({ topic: 'words', key: Buffer.from(`w${i % 9}`), value: Buffer.from('x') }),
  );
  await time.within(10_000, 'writing', Promise.all(sent));
  north.start(1);
  await time.advance(2_000);
  south.start(1 + random.integer(2));
  await time.advance(random.next() * 1_500);
  const [first, second] = random.next() < 0.5 ? [north, south] : [south, north];
  await time.within(stopMsMax, `stopping ${first.name}`, first.stop());
  await time.advance(random.next() * 1_500);
  await time.within(stopMsMax, `stopping ${second.name}`, second.stop());
  expect(failures).toEqual([]);
}

const seeds = Array.from({ length: 60 }, (_, i) => i + 1);

test.each(['atLeastOnce', 'exactlyOnce'] as const)(
  'a worker that is told to stop ends, %s',
  async (guarantee) => {
    for (const seed of seeds) {
      await stopOneOfTwo(seed, guarantee).catch((error: unknown) => {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      });
    }
  },
  120_000,
);
