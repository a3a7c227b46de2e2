// A disk that takes its time, so that a crash finds work half done: writes of a database wait for each other, are carried
// out at some moment and answered at a later one; reads come back later than they were asked for.
import type { Random } from '../../core/kernel/random.ts';
import type { Storage, StorageEngine } from '../../core/storage/storage.ts';
import type { SimulatedProcess } from './simulated-time.ts';

const writeMsMax = 0.4;
const readMsMax = 0.2;

export function slowEngine(engine: StorageEngine, process: SimulatedProcess, random: Random): StorageEngine {
  const wait = (msMax: number) => process.delay(random.next() * msMax);

  function slow(inner: Storage): Storage {
    let written: Promise<void> = Promise.resolve();
    const inTurn = (work: () => Promise<void>): Promise<void> => {
      const done = written.then(() => wait(writeMsMax)).then(work);
      written = done.catch(() => {});
      return done.finally(() => wait(writeMsMax));
    };
    return {
      ...inner,
      write: (operations, options) => inTurn(() => inner.write(operations, options)),
      clear: (range) => inTurn(() => inner.clear(range)),
      async get(key) {
        await wait(readMsMax);
        return inner.get(key);
      },
      async scanPage(options) {
        await wait(readMsMax);
        return inner.scanPage(options);
      },
      async close() {
        await written;
        await inner.close();
      },
    };
  }

  return { ...engine, open: async (name) => slow(await engine.open(name)) };
}
