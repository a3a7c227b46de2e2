// Storage in memory under the same contract, for tests, the simulator and nodes that keep nothing. Entries stand sorted in
// blocks of bounded size that are copied when a scan still looks at them, so a put costs a binary search and the move of
// at most one block, and a snapshot the list of blocks. Bytes are copied in and out, as LevelDB does.
import { Fault } from '../kernel/fault.ts';
import type { BatchOperation, Entry, KeyRange, ScanOptions, Storage, StorageEngine } from './storage.ts';

const blockEntriesMax = 256;

interface Block {
  /** Equal to the table's epoch: nobody else sees this block, it may be changed in place. */
  readonly epoch: number;
  readonly keys: Uint8Array[];
  readonly values: Uint8Array[];
}

/** Never without a block; only the sole block may be empty. */
interface Table {
  blocks: Block[];
  epoch: number;
}

/** Databases that live as long as the engine: what was closed can be opened again with its content. */
export function createMemoryEngine(): StorageEngine {
  const tables = new Map<string, Table>();
  const open = new Set<string>();
  const claim = (name: string) => {
    if (open.has(name)) throw new Fault('STORAGE_IN_USE', { path: `memory:${name}`, by: 'this process' });
  };
  return {
    async open(name) {
      claim(name);
      open.add(name);
      let table = tables.get(name);
      if (table === undefined) tables.set(name, (table = emptyTable()));
      return memoryStorage(name, table, () => void open.delete(name));
    },
    list: async () => [...tables.keys()].sort(),
    async destroy(name) {
      claim(name);
      tables.delete(name);
    },
    tryOut: async () => {},
  };
}

const emptyTable = (): Table => ({ blocks: [{ epoch: 0, keys: [], values: [] }], epoch: 0 });

function memoryStorage(name: string, table: Table, onClose: () => void): Storage {
  let closed = false;
  const assertOpen = () => {
    if (closed) throw new Fault('CLOSED', { what: `the database memory:${name}` });
  };
  const getSync = (key: Uint8Array) => {
    assertOpen();
    const block = table.blocks[blockOf(table.blocks, key)]!;
    const at = lowerBound(block.keys, key);
    return at < block.keys.length && compare(block.keys[at]!, key) === 0 ? copy(block.values[at]!) : undefined;
  };
  const close = async () => {
    if (closed) return;
    closed = true;
    onClose();
  };
  return {
    get: async (key) => getSync(key),
    getSync,
    async write(operations) {
      assertOpen();
      for (const operation of operations) apply(table, operation);
    },
    scan: (options) => ({
      [Symbol.asyncIterator]() {
        assertOpen();
        const entries = snapshotEntries(table, options);
        return {
          async next() {
            assertOpen();
            return entries.next();
          },
          return: async () => entries.return(undefined),
        };
      },
    }),
    async scanPage({ bytesMax = Number.POSITIVE_INFINITY, limit = 1_000, ...range }) {
      assertOpen();
      const found: Entry[] = [];
      let bytes = 0;
      for (const entry of snapshotEntries(table, { ...range, limit })) {
        found.push(entry);
        bytes += entry[1].byteLength;
        if (bytes >= bytesMax) break;
      }
      return found;
    },
    async clear(range) {
      assertOpen();
      for (const [key] of [...snapshotEntries(table, range)]) apply(table, { type: 'del', key });
    },
    async compactRange() {
      assertOpen();
    },
    async approximateSize(start, end) {
      assertOpen();
      let bytes = 0;
      for (const [key, value] of snapshotEntries(table, { gte: start, lt: end })) bytes += key.length + value.length;
      return bytes;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const copy = (bytes: Uint8Array): Uint8Array => Uint8Array.prototype.slice.call(bytes);
const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);

/** Index of the first key ≥ `key`. */
function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the block in which `key` is, or would be put: the last that begins at or before it. */
function blockOf(blocks: readonly Block[], key: Uint8Array): number {
  let low = 0;
  let high = blocks.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (compare(blocks[middle]!.keys[0]!, key) <= 0) low = middle;
    else high = middle;
  }
  return low;
}

function apply(table: Table, operation: BatchOperation): void {
  const { key } = operation;
  const index = blockOf(table.blocks, key);
  const block = ownBlock(table, index);
  const at = lowerBound(block.keys, key);
  const found = at < block.keys.length && compare(block.keys[at]!, key) === 0;
  if (operation.type === 'put') {
    if (found) block.values[at] = copy(operation.value);
    else {
      block.keys.splice(at, 0, copy(key));
      block.values.splice(at, 0, copy(operation.value));
      if (block.keys.length > blockEntriesMax) splitBlock(table, index);
    }
  } else if (found) {
    block.keys.splice(at, 1);
    block.values.splice(at, 1);
    if (block.keys.length === 0 && table.blocks.length > 1) table.blocks.splice(index, 1);
  }
}

function ownBlock(table: Table, index: number): Block {
  const block = table.blocks[index]!;
  if (block.epoch === table.epoch) return block;
  const own = { epoch: table.epoch, keys: block.keys.slice(), values: block.values.slice() };
  table.blocks[index] = own;
  return own;
}

function splitBlock(table: Table, index: number): void {
  const { keys, values } = table.blocks[index]!;
  // Keys mostly grow: cutting near the end leaves full blocks behind instead of half-empty ones.
  const cut = index === table.blocks.length - 1 ? blockEntriesMax - 16 : keys.length >>> 1;
  const right = { epoch: table.epoch, keys: keys.splice(cut), values: values.splice(cut) };
  table.blocks.splice(index + 1, 0, right);
}

/** Freezes what is there: later writes copy the blocks they touch. */
function snapshotEntries(table: Table, options: ScanOptions): Generator<Entry, undefined> {
  table.epoch++;
  return entriesOf(table.blocks.slice(), options);
}

function* entriesOf(blocks: readonly Block[], options: ScanOptions): Generator<Entry, undefined> {
  const { reverse = false, limit = -1 } = options;
  let left = limit < 0 ? Number.POSITIVE_INFINITY : limit;
  const low = options.gte ?? options.gt;
  const high = options.lte ?? options.lt;
  const start = reverse ? (high ? blockOf(blocks, high) : blocks.length - 1) : low ? blockOf(blocks, low) : 0;
  for (let index = start; index >= 0 && index < blocks.length; index += reverse ? -1 : 1) {
    const { keys, values } = blocks[index]!;
    for (let step = 0; step < keys.length; step++) {
      if (left <= 0) return;
      const at = reverse ? keys.length - 1 - step : step;
      const key = keys[at]!;
      const side = outside(key, options);
      if (side === (reverse ? 'above' : 'below')) continue;
      if (side !== 'within') return;
      left--;
      yield [copy(key), copy(values[at]!)];
    }
  }
}

function outside(key: Uint8Array, { gte, gt, lt, lte }: KeyRange): 'below' | 'above' | 'within' {
  if (gte !== undefined && compare(key, gte) < 0) return 'below';
  if (gt !== undefined && compare(key, gt) <= 0) return 'below';
  if (lte !== undefined && compare(key, lte) > 0) return 'above';
  if (lt !== undefined && compare(key, lt) >= 0) return 'above';
  return 'within';
}
