// Storage that loses what a crash may lose. Every write is kept in order; at a crash all up to some point are carried out
// and the rest never happened: after a kill the point is anywhere behind what was answered, at power loss anywhere behind
// what was answered with `sync`. Clearing a range is many writes, as it is in LevelDB, and like LevelDB it may not find
// after a crash what was written behind a failed write, unless it was opened again in between.
import { Fault } from '../../../core/kernel/fault.ts';
import type { Random } from '../../../core/kernel/random.ts';
import { batchesEnd, batchKey, keyOffset } from '../../../core/log/keyspace.ts';
import { createMemoryEngine } from '../../../core/storage/memory-storage.ts';
import type { BatchOperation, Storage, StorageEngine } from '../../../core/storage/storage.ts';

export interface LossyEngine extends StorageEngine {
  /** Everything that is open is dead from here on; opened again, databases have what survived. */
  crash(kind: 'kill' | 'powerLoss'): Promise<void>;
  /** The databases as the process of this moment sees them: after a crash it can open nothing more. */
  life(): StorageEngine;
  /** From here on nothing can be written and no database opened, until there is room again. */
  isFull: boolean;
  /** Changes a byte of some old batch of a partition that is open, on the disk. @returns where, null where there is none */
  rot(): Promise<string | null>;
  /** Whether something that `rot` changed is still there. */
  readonly isRotten: boolean;
  /** The next `count` writes fail as on a full disk, once `afterwards` have gone well. */
  failWrites(count: number, afterwards?: number): void;
}

interface Step {
  readonly operations: readonly BatchOperation[];
  isAnswered: boolean;
  readonly isSynced: boolean;
  readonly isBehindFailure: boolean;
}

export function createLossyEngine(random: Random): LossyEngine {
  const history = new Map<string, Step[]>();
  const opened = new Map<string, Storage>();
  let memory = createMemoryEngine();
  let generation = 0;
  let failing = 0;
  let passing = 0;
  let full = false;
  let rotten: { readonly name: string; readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
  const noRoom = (path: string) =>
    new Fault('STORAGE_FAILED', { path, reason: 'the disk is full; make space and start again' });

  async function rebuild(kind: 'kill' | 'powerLoss'): Promise<void> {
    memory = createMemoryEngine();
    for (const [name, steps] of history) {
      const certain = steps.findLastIndex((step) => step.isAnswered && (kind === 'kill' || step.isSynced)) + 1;
      const survived = certain + random.integer(steps.length - certain + 1);
      steps.splice(survived);
      const found = steps.filter((step) => !step.isBehindFailure);
      steps.splice(0, steps.length, ...found);
      const storage = await memory.open(name);
      for (const step of steps) {
        await storage.write(step.operations);
        step.isAnswered = true;
      }
      await storage.close();
    }
  }

  function isThere({ name, key, value }: (typeof rotten)[number]): boolean {
    const touching = (history.get(name) ?? []).flatMap(({ operations }) =>
      operations.filter((operation) => Buffer.compare(operation.key, key) === 0),
    );
    const last = touching.at(-1);
    return last?.type === 'put' && Buffer.compare(last.value, value) === 0;
  }

  function lossy(name: string, inner: Storage, born: number): Storage {
    const steps = history.get(name) ?? [];
    history.set(name, steps);
    let hasFailed = false;
    opened.set(name, inner);
    const alive = () => {
      if (born !== generation) throw new Fault('CLOSED', { what: `the database ${name}, which died` });
    };
    const write = async (operations: readonly BatchOperation[], isSynced: boolean) => {
      alive();
      if (full || (failing > 0 && passing-- <= 0)) {
        if (!full) failing--;
        hasFailed = true;
        throw noRoom(name);
      }
      const copied = operations.map((op) =>
        op.type === 'put' ? { ...op, key: op.key.slice(), value: op.value.slice() } : { ...op, key: op.key.slice() },
      );
      const step = { operations: copied, isAnswered: false, isSynced, isBehindFailure: hasFailed };
      steps.push(step);
      await null; // a crash may come between the write and its answer
      alive();
      await inner.write(copied);
      step.isAnswered = true;
    };
    return {
      ...inner,
      async get(key) {
        alive();
        return inner.get(key);
      },
      async scanPage(options) {
        alive();
        return inner.scanPage(options);
      },
      write: (operations, { sync = false } = {}) => write(operations, sync),
      async clear(range) {
        for (;;) {
          alive();
          const page = await inner.scanPage({ ...range, limit: 3 });
          if (page.length === 0) return;
          await write(
            page.map(([key]) => ({ type: 'del' as const, key })),
            false,
          );
        }
      },
      close: async () => {
        if (born === generation) await inner.close();
      },
    };
  }

  const open = async (name: string, born: number) => {
    if (born !== generation) throw new Fault('CLOSED', { what: `the process that opened ${name}` });
    if (full) throw noRoom(name);
    return lossy(name, await memory.open(name), born);
  };
  const engine: LossyEngine = {
    open: (name) => open(name, generation),
    life() {
      const born = generation;
      return {
        open: (name) => open(name, born),
        list: engine.list,
        destroy: engine.destroy,
        tryOut: engine.tryOut,
      };
    },
    get isRotten() {
      rotten = rotten.filter(isThere);
      return rotten.length > 0;
    },
    get isFull() {
      return full;
    },
    set isFull(is) {
      full = is;
    },
    async rot() {
      const names = [...opened.keys()].filter((name) => /^(plain|paired)-/.test(name));
      const name = names[random.integer(Math.max(names.length, 1))];
      if (name === undefined) return null;
      const inner = opened.get(name)!;
      const batches = await inner.scanPage({ gte: batchKey(0), lt: batchesEnd, limit: 10_000 }).catch(() => []);
      const old = batches.slice(0, batches.length >>> 1);
      const [key, value] = old[random.integer(Math.max(old.length, 1))] ?? [];
      if (key === undefined || value === undefined) return null;
      // Not in the epoch, which no checksum covers.
      const at = random.integer(4) === 0 ? random.integer(12) : 16 + random.integer(value.length - 16);
      value[at]! ^= 1 << random.integer(8);
      const operations = [{ type: 'put' as const, key, value }];
      await inner.write(operations);
      history.get(name)?.push({ operations, isAnswered: true, isSynced: true, isBehindFailure: false });
      rotten.push({ name, key, value });
      return `byte ${at} of ${name} at ${keyOffset(key)}`;
    },
    async tryOut() {
      if (full) throw noRoom('the disk');
    },
    list: () => memory.list(),
    destroy: async (name) => {
      history.delete(name);
      await memory.destroy(name);
    },
    async crash(kind) {
      generation++;
      await rebuild(kind);
    },
    failWrites(count, afterwards = 0) {
      failing = count;
      passing = afterwards;
    },
  };
  return engine;
}
