// What clients do to a cluster while it is under fire, and what they were told: everything that is judged in the end is
// written down here as it is acknowledged or read.
import { type Client, createClient } from '../../../core/client/index.ts';
import { Fault } from '../../../core/kernel/fault.ts';
import type { Logger } from '../../../core/kernel/logger.ts';
import { type Random, seededRandom } from '../../../core/kernel/random.ts';
import { RecordCursor } from '../../../core/protocol/record-cursor.ts';
import type { SimulatedProcess, SimulatedTime } from '../simulated-time.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

export const plain = 'plain';
export const paired = 'paired';
export const partitions = 3;

export interface Acknowledged {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

export type Ended = 'committed' | 'aborted' | 'unknown';

export interface History {
  /** Of `plain`, in the order of their sending in each partition. */
  readonly sent: readonly string[][];
  readonly acknowledged: readonly Acknowledged[];
  /** Of `paired`: a transaction writes its name to each partition. */
  readonly transactions: ReadonlyMap<string, Ended>;
  /** What a reader was given, by partition and offset. */
  readonly read: readonly ReadonlyMap<number, string>[];
  /** Likewise what members of a group were given, who may be given what was not committed again. */
  readonly shared: readonly ReadonlySet<number>[];
  readonly wrong: readonly string[];
}

export interface Load {
  readonly history: History;
  /** Records of `plain`; they are acknowledged some time. */
  send(count: number): void;
  /** A transaction, unless one is on. */
  transact(): void;
  /** Nothing new begins; resolves when all that has begun is settled. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

export interface LoadParts {
  readonly time: SimulatedTime;
  readonly cluster: SimulatedCluster;
  readonly random: Random;
  readonly loggerOf: (process: string) => Logger;
}

const minutes30 = 30 * 60_000;

export function clientOf({ time, cluster, random, loggerOf }: LoadParts, name: string) {
  const process: SimulatedProcess = time.process(name);
  const client = createClient({
    ...{ network: cluster.networkFor(process), clientId: name, clock: process.clock, logger: loggerOf(name) },
    random: seededRandom(random.integer(2 ** 31)),
    apiTimeoutMs: minutes30,
  });
  return { process, client };
}

export function createLoad(parts: LoadParts): Load {
  const { random } = parts;
  const sent: string[][] = Array.from({ length: partitions }, () => []);
  const acknowledged: Acknowledged[] = [];
  const transactions = new Map<string, Ended>();
  const read = Array.from({ length: partitions }, () => new Map<number, string>());
  const shared = Array.from({ length: partitions }, () => new Set<number>());
  const owners = new Map<string, string>();
  const sharers: Client[] = [];
  const wrong: string[] = [];
  const underWay = new Set<Promise<unknown>>();
  const { client: writer } = clientOf(parts, 'writer');
  const { client: trader } = clientOf(parts, 'trader');
  const { client: reader, process: readerProcess } = clientOf(parts, 'reader');
  const producer = writer.producer({ deliveryTimeoutMs: minutes30 });
  const stopping = new AbortController();
  let next = 0;
  let trading: Promise<void> | null = null;

  const track = (work: Promise<unknown>) => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work)).catch(() => {});
  };

  function send(count: number): void {
    for (let i = 0; i < count; i++) {
      const value = `v${next++}`;
      const partition = random.integer(partitions);
      sent[partition]!.push(value);
      track(
        producer.send({ topic: plain, partition, key: null, value: Buffer.from(value) }).then(
          ({ offset }) => acknowledged.push({ partition, offset, value }),
          (error: unknown) => wrong.push(`${value} was refused: ${error}`),
        ),
      );
    }
  }

  /** A producer that was fenced or whose transaction timed out is replaced, as a program would. */
  async function trade(own: Client): Promise<void> {
    const name = `t${transactions.size}`;
    transactions.set(name, 'unknown');
    const commits = random.next() < 0.7;
    const transactional = own.producer({ transactionalId: 'trader', deliveryTimeoutMs: minutes30 });
    try {
      await transactional.initTransactions();
      transactional.begin();
      for (let partition = 0; partition < partitions; partition++)
        await transactional.send({ topic: paired, partition, key: null, value: Buffer.from(name) });
      if (commits) await transactional.commit();
      else await transactional.abort();
      transactions.set(name, commits ? 'committed' : 'aborted');
    } catch (error) {
      // Whether it was carried out isn't known, except that it isn't where the commit was never asked for.
      if (!(error instanceof Fault)) throw error;
      if (!commits) transactions.set(name, 'aborted');
    } finally {
      await transactional.close().catch(() => {});
    }
  }

  async function readAll(): Promise<void> {
    const fetcher = reader.fetcher({ isolation: 'readUncommitted', from: 'error' });
    const cursor = new RecordCursor();
    fetcher.assign(read.map((_, partition) => ({ topic: plain, partition, offset: 0 })));
    const expected = read.map(() => 0);
    try {
      while (!stopping.signal.aborted) {
        for (const { partition, fetchOffset, nextOffset, batches } of await fetcher.poll(1_000, stopping.signal)) {
          if (fetchOffset !== expected[partition])
            wrong.push(`the reader of ${partition} goes on at ${fetchOffset}, not ${expected[partition]}`);
          expected[partition] = nextOffset;
          for (const batch of batches) {
            cursor.open(batch);
            while (cursor.next())
              if (cursor.offset >= fetchOffset)
                read[partition]!.set(cursor.offset, Buffer.from(cursor.value()!).toString());
          }
        }
      }
    } catch (error) {
      if (!stopping.signal.aborted) wrong.push(`the reader was told: ${error}`);
    } finally {
      fetcher.close();
    }
  }

  /** What a client is told of the end of a partition never goes back. */
  async function watchEnds(): Promise<void> {
    const all = read.map((_, partition) => ({ topic: plain, partition }));
    const seen = read.map(() => 0);
    while (!stopping.signal.aborted) {
      await readerProcess.clock.sleep(700, stopping.signal).catch(() => {});
      if (stopping.signal.aborted) return;
      const ends = await reader.admin().listOffsets(all, 'latest');
      for (const { partition, offset } of ends) {
        if (offset < seen[partition]!)
          wrong.push(`the end of ${partition} went back from ${seen[partition]} to ${offset}`);
        seen[partition] = Math.max(seen[partition]!, offset);
      }
    }
  }

  /** One of two members of a group: who owns what is said by both, and no partition may be in two hands. */
  async function share(name: string): Promise<void> {
    const { client, process } = clientOf(parts, name);
    sharers.push(client);
    while (!stopping.signal.aborted) {
      const consumer = client.consumer({
        ...{ groupId: 'sharers', from: 'earliest', sessionTimeoutMs: 10_000, heartbeatIntervalMs: 1_000 },
        autoCommitIntervalMs: 1_000,
        onRebalance({ kind, partitions: changed }) {
          const { generationId = -1 } = consumer.generation ?? {};
          for (const { partition } of changed) {
            if (kind === 'assigned') {
              const owner = owners.get(`${partition} ${generationId}`);
              if (owner !== undefined && owner !== name)
                wrong.push(`${partition} is ${owner}'s and ${name}'s in generation ${generationId}`);
              owners.set(`${partition} ${generationId}`, name);
            }
          }
        },
      });
      try {
        await consumer.subscribe([plain]);
        while (!stopping.signal.aborted)
          for (const { partition, offset } of await consumer.poll(1_000)) shared[partition]!.add(offset);
      } catch (error) {
        if (!stopping.signal.aborted && !(error instanceof Fault && error.retriable))
          wrong.push(`${name} was told: ${error}`);
        await process.clock.sleep(500, stopping.signal).catch(() => {});
      } finally {
        await consumer.close().catch(() => {});
      }
    }
  }

  const reading = readAll();
  const sharing = ['sharer-a', 'sharer-b'].map(share);
  const watching = watchEnds().catch((error: unknown) => {
    if (!stopping.signal.aborted) wrong.push(`ends were refused: ${error}`);
  });

  return {
    history: { sent, acknowledged, transactions, read, shared, wrong },
    send,
    transact() {
      if (trading !== null) return;
      trading = trade(trader).finally(() => {
        trading = null;
      });
      track(trading);
    },
    async settle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    async stop() {
      stopping.abort(new Error('the load is over'));
      await Promise.all([reading, ...sharing]);
      await Promise.all([writer, trader, reader, ...sharers].map((client) => client.close()));
      await watching;
    },
  };
}
