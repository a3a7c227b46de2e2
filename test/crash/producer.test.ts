// A producer that is killed: what was acknowledged is in the log, where it was said to be, in order and once.
import { expect, test } from 'vitest';
import { built, millrace, startNode, tempFolder } from '../support/millrace.ts';
import { between, crashRandom, scaled } from './kill-loop.ts';
import { readTopic } from './read.ts';

test('every acknowledged record is there after every kill, in order and once', async () => {
  const random = crashRandom('producer');
  await using folder = await tempFolder();
  await millrace(['topic', 'create', 'log', '--partitions', '3', '--data', folder.data]);
  const acknowledged = new Map<string, string>();
  const lives = scaled(10);
  for (let life = 0; life < lives; life++) {
    const running = startNode(built('test/crash/children/producer.js'), [folder.data, 'log', String(life)]);
    await running.said('stdout', ' ');
    const timer = setTimeout(() => running.kill('SIGKILL'), between(random, 0, 700));
    const { stdout, stderr, signal } = await running.finished;
    clearTimeout(timer);
    expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: '' });
    for (const line of stdout.split('\n').slice(0, -1)) {
      const [id, partition, offset] = line.split(' ');
      acknowledged.set(id!, `${partition}/${offset}`);
    }
  }
  const lines = await readTopic('log', folder.data);
  const found = new Map(lines.map(({ value, partition, offset }) => [value.trimEnd(), `${partition}/${offset}`]));
  expect(found.size).toBe(lines.length);
  for (const [id, place] of acknowledged) expect({ id, place: found.get(id) }).toEqual({ id, place });

  const last = new Map<number, { life: number; n: number }>();
  for (const { partition, value } of lines) {
    const [life, n] = value.trimEnd().split('-').map(Number);
    const before = last.get(partition);
    if (before !== undefined) expect(life! > before.life || (life === before.life && n! > before.n)).toBe(true);
    last.set(partition, { life: life!, n: n! });
  }
  expect(acknowledged.size).toBeGreaterThan(lives * 100);
  process.stderr.write(`producer: ${lives} kills, ${acknowledged.size} acknowledged, ${lines.length} in the log\n`);
});
