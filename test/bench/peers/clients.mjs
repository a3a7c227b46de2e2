// Our client beside kafkajs and @platformatic/kafka, each in a Node process of its own, writing and reading on the same Apache
// Kafka. Theirs send lists of a thousand records, four at a time; ours takes records one by one and makes its batches itself.
import { fileURLToPath } from 'node:url';
import { installNode } from '../../conformance/clients.mjs';
import { run } from '../../conformance/parts/peers.mjs';

const program = fileURLToPath(new URL('./client-process.mjs', import.meta.url));
const libraries = { millrace: 'Millrace', kafkajs: 'kafkajs', platformatic: '@platformatic/kafka' };
const bytes = 100;

export function clientWorks({ kafka, scale }) {
  const records = Math.round(1_000_000 * scale);
  let modules;
  const measure = async (library, mode) => {
    const args = [program, library, mode, await kafka(), String(records), modules];
    const { stdout } = await run(process.execPath, args);
    return JSON.parse(stdout.toString().trim().split('\n').at(-1)).recordsPerSecond;
  };
  return ['produce', 'consume'].map((mode) => ({
    name: `client-${mode}`,
    title: `${mode} ${records.toLocaleString('en-US')} × ${bytes} B from Node, one partition, acks=all, on Apache Kafka`,
    unit: 'records/s',
    async prepare() {
      modules = await installNode();
      if (mode === 'consume') await measure('millrace', 'fill');
    },
    contenders: Object.fromEntries(
      Object.entries(libraries).map(([library, title]) => [title, () => measure(library, mode)]),
    ),
    ratios: ['kafkajs', '@platformatic/kafka'].map((theirs) => ({
      ours: 'Millrace',
      theirs,
      reach: mode === 'produce' ? 3 : 2,
    })),
  }));
}
