// Faults that the simulation has met, each alone: a worker that outlives them goes on by itself.
import { beforeAll, expect, test } from 'vitest';
import { memorySource } from '../../connectors/memory/index.ts';
import { createClient } from '../../core/client/index.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { seededRandom } from '../../core/kernel/random.ts';
import { type ApiName, apis, type RequestOf } from '../../core/protocol/api-table.ts';
import { loadCompression } from '../../core/protocol/compression/registry.ts';
import { compile } from '../../dsl/compile/compile.ts';
import {
  count,
  emits,
  groupByKey,
  type Job,
  job,
  process,
  safeInt64,
  selectKey,
  source,
  table,
  topic,
  toStream,
  utf8,
} from '../../dsl/index.ts';
import { prepareTopics } from '../../runtime/app/prepare.ts';
import { readTopic } from './read-topic.ts';
import { createHost, type Host } from './simulated-host.ts';
import { createLink } from './simulated-network.ts';
import { createSimulatedNode } from './simulated-node.ts';
import { createSimulatedTime } from './simulated-time.ts';

const numbers = topic('numbers', safeInt64, { partitions: 1, key: utf8 });

// Loading modules takes real time, which a simulation doesn't wait for.
beforeAll(loadCompression);

async function rig(program: Job, onTrace: (line: string, host: Host) => void = () => {}, seed = 7) {
  const links: { nodeDied(): void }[] = [];
  const random = seededRandom(seed);
  const time = createSimulatedTime(random);
  const node = createSimulatedNode({
    time,
    random,
    logger: silentLogger,
    settings: {
      'group.initial.rebalance.delay.ms': 0,
      'offsets.topic.num.partitions': 1,
      'transaction.state.log.num.partitions': 1,
    },
    onGone() {
      for (const link of links) link.nodeDied();
    },
  });
  await time.within(10_000, 'starting the node', node.start());
  const failures: unknown[] = [];
  const onBug = (error: unknown) => void failures.push(error);
  const own = time.process('tester');
  const { clock } = own;
  const link = createLink({ process: own, nodeAt: node.at, random, onBug });
  links.push(link);
  const tester = createClient({ network: link.network, clientId: 'tester', clock, random, logger: silentLogger });
  const topology = compile(program, { environment: 'development' });
  const layout = await time.within(10_000, 'making topics', prepareTopics(topology, tester.admin(), clock));
  const newHost = (name: string): Host => {
    const made: Host = createHost(name, {
      time,
      nodeAt: node.at,
      random,
      loggerOf: () => silentLogger,
      trace: (line) => onTrace(line, made),
      topology,
      layout,
      onBug,
      onFailed: (_host, error) => void failures.push(error),
    });
    links.push({ nodeDied: () => made.link?.nodeDied() });
    return made;
  };
  return {
    tester,
    time,
    node,
    host: newHost('north'),
    newHost,
    failures,
    read: (name: string) => time.within(120_000, name, readTopic(tester, name, 1)),
  };
}

const countNumbers = (connector: ReturnType<typeof memorySource<number>>): Job =>
  job(
    'faults',
    [
      source(connector)
        .pipe(selectKey(() => 'k'))
        .to(numbers),
      numbers.pipe(groupByKey(), count({ as: 'counts' }), toStream()).to(topic('out', safeInt64, { partitions: 1 })),
    ],
    { guarantee: 'exactlyOnce' },
  );

test('a worker that is kept from joining waits, and does not spin', async () => {
  const program = countNumbers(memorySource<number>([], { bounded: false }));
  const { time, host } = await rig(program, (line, { link }) => {
    if (line.includes('asks joinGroup')) link.cut();
  });
  host.start(1);
  await time.advance(5_000);
  expect(host.link.isCut).toBe(true);
  const before = time.events;
  await time.advance(10_000);
  expect(time.events - before).toBeLessThan(1_000);
  await host.kill();
});

test.each([
  ['source', 'faults-source-0'],
  ['worker', 'faults-north-0'],
])('a %s that stood still until its transaction timed out takes up its work again', async (_, transactionalId) => {
  const connector = memorySource<number>([], { bounded: false });
  let pauses = 0;
  const { time, host, failures, read } = await rig(countNumbers(connector), (line, { process }) => {
    if (pauses > 0 || !line.includes('asks addPartitionsToTxn') || !line.includes(transactionalId)) return;
    pauses++;
    process.pause(90_000); // longer than the transaction and the session may take
  });
  host.start(1);
  await time.advance(5_000);
  connector.push(1, 2, 3);
  await time.advance(120_000);
  expect(pauses).toBe(1);
  connector.push(4);
  await time.advance(70_000);
  expect(failures).toEqual([]);
  expect(await read('numbers')).toHaveLength(4);
  expect(await read('out')).toHaveLength(4);
  await time.within(60_000, 'stopping', host.stop());
});

test('exactly-once goes on by itself after the log was away for longer than a transaction can be aborted in', async () => {
  const connector = memorySource<number>([], { bounded: false });
  let commits = 0;
  const { time, node, host, failures, read } = await rig(countNumbers(connector), (line) => {
    if (line.includes('asks endTxn') && line.includes('faults-north-0')) commits++;
  });
  host.start(1);
  await time.advance(5_000);
  connector.push(1, 2, 3);
  for (const before = commits; commits === before; ) await time.advance(1);
  await time.within(10_000, 'stopping the node', node.stop());
  await time.advance(600_000);
  await time.within(10_000, 'starting the node', node.start());
  connector.push(4);
  await time.advance(100_000);
  expect(failures).toEqual([]);
  expect(await read('numbers')).toHaveLength(4);
  expect(await read('out')).toHaveLength(4);
  await time.within(60_000, 'stopping', host.stop());
});

test('a processor that forwards into a transaction that somebody has ended begins again, and blames no record', async () => {
  const forwarding = numbers.pipe(
    process(
      'p',
      { outputs: emits<number>() },
      ({ forward }) =>
        (value) =>
          forward(value),
    ),
  );
  const program = job('faults', [forwarding.to(topic('out', safeInt64, { partitions: 1 }))], {
    guarantee: 'exactlyOnce',
    commitInterval: '20 seconds',
  });
  // One whose host commits no sooner than that.
  const { time, tester, host, failures, read } = await rig(program, undefined, 6);
  host.start(1);
  await time.advance(25_000);
  const producer = tester.producer();
  for (const value of [1, 2, 3, 4]) {
    const record = { topic: 'numbers', key: utf8.encode('k'), value: safeInt64.encode(value) };
    await time.within(10_000, 'sending', producer.send(record));
    await time.advance(1_000);
    if (value === 1) await time.within(10_000, 'fencing', tester.admin().fenceProducers(['faults-north-0']));
  }
  await time.advance(60_000);
  expect(failures).toEqual([]);
  expect(await read('out')).toHaveLength(4);
  await time.within(60_000, 'stopping', host.stop());
});

test('a copy of a table outlives a log that is away for long', async () => {
  const rows = table('rows', safeInt64, { partitions: 1, key: utf8 });
  const out = topic('out', safeInt64, { partitions: 1 });
  const program = job('faults', [rows.pipe(toStream()).to(out)], { standbys: 1 });
  const { time, tester, node, host, newHost, failures, read } = await rig(program);
  const other = newHost('south');
  const producer = tester.producer();
  const send = async (value: number) => {
    const record = { topic: 'rows', key: utf8.encode('k'), value: safeInt64.encode(value) };
    await time.within(10_000, 'sending', producer.send(record));
    await time.advance(10_000);
  };
  host.start(1);
  other.start(1);
  await time.advance(20_000);
  await send(1);
  const copies = () => [host, other].flatMap(({ workers }) => workers.flatMap((worker) => worker.report().standbys));
  expect(copies()).toEqual(['0_0']);
  await time.within(10_000, 'stopping the node', node.stop());
  await time.advance(600_000);
  await time.within(10_000, 'starting the node', node.start());
  await time.advance(100_000);
  await send(2);
  expect(failures).toEqual([]);
  expect(copies()).toEqual(['0_0']);
  expect((await read('out')).length).toBeGreaterThanOrEqual(2);
});

test('a transaction that broke while its coordinator was away is begun again by the next record', async () => {
  const out = topic('out', safeInt64, { partitions: 1 });
  const program = job('faults', [numbers.to(out)], { guarantee: 'exactlyOnce', commitInterval: '5 minutes' });
  // One whose host commits no sooner than that.
  const { time, tester, node, host, failures, read } = await rig(program, undefined, 6);
  host.start(1);
  await time.advance(10_000);
  const producer = tester.producer();
  const send = async (value: number) => {
    const record = { topic: 'numbers', key: utf8.encode('k'), value: safeInt64.encode(value) };
    await time.within(10_000, 'sending', producer.send(record));
  };
  const { transport } = node.at()!;
  const { call } = transport;
  const coordinatorNotAvailable = 15;
  Object.assign(transport, {
    call: async (api: ApiName, version: number, request: never, options: never) => {
      if (api !== 'addPartitionsToTxn') return await call.call(transport, api, version, request, options);
      const { v3AndBelowTopics } = request as RequestOf<'addPartitionsToTxn'>;
      return apis.addPartitionsToTxn.response.create({
        resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
          name,
          resultsByPartition: partitions.map((partitionIndex) => ({
            partitionIndex,
            partitionErrorCode: coordinatorNotAvailable,
          })),
        })),
      });
    },
  });
  await send(1);
  await time.advance(70_000);
  Object.assign(transport, { call });
  await send(2);
  await time.advance(700_000);
  expect(failures).toEqual([]);
  expect(await read('out')).toHaveLength(2);
});
