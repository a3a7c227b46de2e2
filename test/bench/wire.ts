// What the wire itself costs over loopback: small pipelined requests, produce and fetch of 64 KiB batches, against a
// listener in a process of its own, first with a node that does nothing, then with a real one on disk. A gigabyte is
// written to the temporary folder and removed. `node test/bench/wire.ts`
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tcpNetwork } from '../../core/client/tcp.ts';
import { systemClock } from '../../core/kernel/clock.ts';
import { silentLogger } from '../../core/kernel/logger.ts';
import { systemRandom } from '../../core/kernel/random.ts';
import { type ApiName, apiNames, apis, type RequestInit } from '../../core/protocol/api-table.ts';
import { createFrameReader, encodeFrame } from '../../core/protocol/frame.ts';
import { writeRequestHeader } from '../../core/protocol/header.ts';
import { readBatchHeader, splitBatches } from '../../core/protocol/record-batch.ts';
import type { Transport } from '../../core/protocol/transport.ts';
import { listen } from '../../core/server/listener.ts';
import { createNode } from '../../core/server/node.ts';
import type { Router } from '../../core/server/router.ts';
import { createLevelEngine } from '../../core/storage/level-storage.ts';
import { makeBatches } from './log.ts';

const batchBytes = 64 * 1024;
const batchesPerFetch = 16;

/** Answers ready-made, so that what is measured is the wire. */
function idleNode(): Router {
  const records = Array.from({ length: batchesPerFetch }, () => new Uint8Array(batchBytes).fill(7));
  const fetched = apis.fetch.response.create({
    responses: [{ topic: 't', partitions: [{ partitionIndex: 0, records }] }],
  });
  const produced = apis.produce.response.create({
    responses: [{ name: 't', partitionResponses: [{ index: 0, baseOffset: 1 }] }],
  });
  const beat = apis.heartbeat.response.create({});
  return async (api) => (api === 'fetch' ? fetched : api === 'produce' ? produced : beat) as never;
}

async function realNode(folder: string): Promise<Router> {
  const node = await createNode({
    engine: createLevelEngine(folder),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  await node.call(
    'createTopics',
    7,
    apis.createTopics.request.create({ topics: [{ name: 't', numPartitions: 1, replicationFactor: 1 }] }),
  );
  return node.serve;
}

async function serve(folder: string | undefined): Promise<void> {
  const { port } = await listen({
    host: '127.0.0.1',
    port: 0,
    serve: folder === undefined ? idleNode() : await realNode(folder),
    apis: apiNames,
    clock: systemClock,
    logger: silentLogger,
  });
  process.on('message', () => process.send!(process.cpuUsage()));
  process.send!({ port });
}

const child = (send: (message: object) => void, wait: () => Promise<unknown>) => ({
  async cpuSeconds(): Promise<number> {
    send({});
    const { user, system } = (await wait()) as NodeJS.CpuUsage;
    return (user + system) / 1e6;
  },
});

type Work = (transport: Transport) => Promise<{ count: number; bytes: number }>;

/** Runs `work` on a node in a process of its own. */
async function onNode(
  folder: string | undefined,
  work: (port: number, measured: (name: string, work: Work) => Promise<void>) => Promise<void>,
) {
  const server = fork(fileURLToPath(import.meta.url), ['serve', ...(folder === undefined ? [] : [folder])]);
  const wait = () => new Promise<unknown>((resolve) => server.once('message', resolve));
  const { port } = (await wait()) as { port: number };
  const { cpuSeconds } = child((message) => server.send(message), wait);
  const network = tcpNetwork({
    bootstrap: `127.0.0.1:${port}`,
    clientId: 'bench',
    clock: systemClock,
    random: systemRandom,
  });

  async function measured(name: string, work: Work) {
    const transport = await network.bootstrap();
    await work(transport);
    const cpuBefore = await cpuSeconds();
    const startedMs = systemClock.monotonicMs();
    const { count, bytes } = await work(transport);
    const seconds = (systemClock.monotonicMs() - startedMs) / 1_000;
    const cpu = (await cpuSeconds()) - cpuBefore;
    const rate = `${Math.round(count / seconds).toLocaleString('en')} requests/s`;
    const load =
      bytes > 0 ? `, ${Math.round(bytes / seconds / 1e6)} MB/s, ${((cpu / bytes) * 1e9).toFixed(2)} CPU s/GB` : '';
    process.stdout.write(`${name}: ${rate}${load}, node ${((cpu / count) * 1e6).toFixed(1)} us CPU a request\n`);
    await transport.close();
  }

  try {
    await work(port, measured);
  } finally {
    server.kill();
  }
}

const produceOf = (records: Uint8Array) =>
  apis.produce.request.create({
    acks: -1,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: [records] }] }],
  });
const fetchFrom = (fetchOffset: number) =>
  apis.fetch.request.create({
    maxBytes: batchBytes * batchesPerFetch,
    topics: [
      { topic: 't', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: batchBytes * batchesPerFetch }] },
    ],
  });

async function ofTheWire(port: number, measured: (name: string, work: Work) => Promise<void>): Promise<void> {
  const beat = apis.heartbeat.request.create({ groupId: 'group', generationId: 1, memberId: 'member-1' });
  const produce = produceOf(new Uint8Array(batchBytes));
  const fetch = fetchFrom(0);
  const fetched = { count: 1_000, bytes: 1_000 * batchesPerFetch * batchBytes };
  await measured('small, one after the other', async (transport) => {
    for (let i = 0; i < 10_000; i++) await transport.call('heartbeat', 4, beat);
    return { count: 10_000, bytes: 0 };
  });
  await measured('small, 100 in flight, our client', async (transport) => {
    for (let i = 0; i < 1_000; i++)
      await Promise.all(Array.from({ length: 100 }, () => transport.call('heartbeat', 4, beat)));
    return { count: 100_000, bytes: 0 };
  });
  await measured('small, pipelined, ready-made bytes', () => flood(port, 'heartbeat', 4, beat, 300_000, 1_000));
  await measured('produce 64 KiB, 5 in flight', async (transport) => {
    for (let i = 0; i < 2_000; i++)
      await Promise.all(Array.from({ length: 5 }, () => transport.call('produce', 9, produce)));
    return { count: 10_000, bytes: 10_000 * batchBytes };
  });
  await measured('fetch 16 x 64 KiB, one after the other', async (transport) => {
    for (let i = 0; i < 1_000; i++) await transport.call('fetch', 12, fetch);
    return fetched;
  });
  await measured('fetch 16 x 64 KiB, 4 at once', async (transport) => {
    for (let i = 0; i < 250; i++)
      await Promise.all(Array.from({ length: 4 }, () => transport.call('fetch', 12, fetch)));
    return fetched;
  });
}

async function ofTheNode(_port: number, measured: (name: string, work: Work) => Promise<void>): Promise<void> {
  const [batch] = makeBatches(1);
  const recordCount = readBatchHeader(batch!).recordCount;
  const batches = 8_000;
  await measured('real node, produce 64 KiB, 5 in flight', async (transport) => {
    for (let i = 0; i < batches / 5; i++)
      await Promise.all(Array.from({ length: 5 }, () => transport.call('produce', 9, produceOf(batch!))));
    return { count: batches, bytes: batches * batch!.length };
  });
  await measured('real node, fetch about 1 MiB, one after the other', async (transport) => {
    let bytes = 0;
    let count = 0;
    for (let offset = 0; offset < batches * recordCount; count++) {
      const { responses } = await transport.call('fetch', 12, fetchFrom(offset));
      for (const part of splitBatches(responses[0]!.partitions[0]!.records![0]!)) {
        bytes += part.length;
        offset += recordCount;
      }
    }
    return { count, bytes };
  });
}

async function drive(): Promise<void> {
  await onNode(undefined, ofTheWire);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    await onNode(folder, ofTheNode);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same request over and over, `inFlight` at a time, by a client that only counts answers: the node is what is measured. */
async function flood<N extends ApiName>(
  port: number,
  api: N,
  version: number,
  init: RequestInit<N>,
  count: number,
  inFlight: number,
): Promise<{ count: number; bytes: number }> {
  const socket: Socket = connect(port, '127.0.0.1');
  const one = Buffer.concat(
    encodeFrame((writer) => {
      writeRequestHeader(writer, {
        requestApiKey: apis[api].key,
        requestApiVersion: version,
        correlationId: 1,
        clientId: 'bench',
      });
      apis[api].request.encode(init as never, version, writer);
    }),
  );
  const many = Buffer.concat(Array.from({ length: inFlight / 2 }, () => one));
  const frames = createFrameReader({ frameBytesMax: 2 ** 30 });
  let sent = inFlight;
  let got = 0;
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      got += frames.push(chunk).length;
      while (sent < count && sent - got <= inFlight / 2) {
        sent += inFlight / 2;
        socket.write(many);
      }
      if (got >= count) resolve();
    });
    socket.write(many);
    socket.write(many);
  });
  socket.destroy();
  return { count, bytes: 0 };
}

await (process.argv[2] === 'serve' ? serve(process.argv[3]) : drive());
