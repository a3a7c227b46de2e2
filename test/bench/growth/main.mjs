// `npm run bench:growth`: how the cost grows with partitions, keys, record size, backlog, connections and consumers, on a storage
// node in a process of its own, written and read by our client from this one. Prints each point and draws them all in
// `test/bench/growth.svg`, or where `--svg FILE` says. `--only A,B` takes some curves, `--scale 0.1` smaller works.
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { curves } from './curves.mjs';
import { drawCurves } from './draw.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    scale: { type: 'string', default: '1' },
    svg: { type: 'string', default: fileURLToPath(new URL('../growth.svg', import.meta.url)) },
  },
});
const names = values.only?.split(',') ?? Object.keys(curves);
const unknown = names.filter((name) => !Object.hasOwn(curves, name));
if (unknown.length > 0) {
  process.stderr.write(`error: no curve ${unknown.join(', ')}; there are ${Object.keys(curves).join(', ')}\n`);
  process.exit(1);
}

const machine = `${cpus().length} cores (${cpus()[0].model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
process.stdout.write(`${machine}\n`);
const drawn = [];
for (const name of names) {
  const { title, over, unit, points, measure } = curves[name];
  process.stdout.write(`\n${name}: ${title}; load ${loadavg()[0].toFixed(1)} before\n`);
  const found = [];
  for await (const [at, value] of measure(points, Number(values.scale))) {
    process.stdout.write(
      `  ${String(at).padStart(12)} ${over}: ${Math.round(value).toLocaleString('en-US')} ${unit}\n`,
    );
    found.push({ at, value });
  }
  drawn.push({ title, over, unit, found });
}
await writeFile(values.svg, drawCurves(drawn, machine));
process.stdout.write(`\ndrawn in ${values.svg}\n`);
process.exit(0);
