// What the programs in JavaScript share: the run of scenarios, and the records that all languages make alike.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [bootstrap, runId, dataFolder, recordsText, askedText] = process.argv.slice(2);

export { bootstrap, runId, sleep };
export const recordCount = Number(recordsText);
export const startMs = Number(process.env.START_MS);
const json = (name) => JSON.parse(readFileSync(join(dataFolder, name), 'utf8'));
const bytes = (base64) => (base64 === null ? null : Buffer.from(base64, 'base64'));
const text = (buffer) => (buffer === null || buffer === undefined ? null : Buffer.from(buffer).toString('base64'));

export function check(holds, what) {
  if (!holds) throw new Error(what);
}

export function equal(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a?.slice(0, 300)}, not ${b?.slice(0, 300)}`);
}

/** Resolves with the error that `work` ends in; an error if it doesn't. */
export async function failure(work, what) {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error(`no error: ${what}`);
}

/** Waits until `condition` resolves with something true. */
export async function until(condition, what, timeoutMs = 20_000) {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (Date.now() > endMs) throw new Error(`never: ${what}`);
    await sleep(50);
  }
}

/** Record `i` as every language makes it, in partition `i % 3` of the roundtrip. */
export const sample = (i) => ({
  timestampMs: startMs + i,
  key: i % 7 === 0 ? null : Buffer.from(`key-${i % 50}`),
  value: i % 11 === 0 && i % 7 !== 0 ? null : Buffer.from(`value-${i}-${'x'.repeat(i % 100)}`),
  headers: i % 3 === 0 ? [['trace', Buffer.from(`t${i}`)]] : [],
});

/** A record as text, to compare what was read with what was written. */
export const shown = ({ timestampMs, key, value, headers }) =>
  JSON.stringify([timestampMs, text(key), text(value), headers.map(([name, value]) => [name, text(value)])]);

export function checkRoundtrip(read, count, what) {
  equal(read.length, count, `${what}: records`);
  for (let partition = 0; partition < 3; partition++) {
    const got = read.filter((r) => r.partition === partition).sort((a, b) => a.offset - b.offset);
    got.forEach((record, offset) => {
      equal(record.offset, offset, `${what}: offset in partition ${partition}`);
      equal(
        shown(record),
        shown(sample(offset * 3 + partition)),
        `${what}: record ${offset} of partition ${partition}`,
      );
    });
  }
}

/** The records for others, per codec; those left out that need what the client cannot say. */
export function crossOut(codecs, cannot) {
  const records = json('cross-records.json').map((record, index) => ({ ...record, index }));
  const fits = records.filter(({ needs }) => !needs.some((need) => cannot.includes(need)));
  const say = ({ timestampMs, key, value, headers }) => ({
    timestampMs,
    key: bytes(key),
    value: bytes(value),
    headers: headers.map(([name, value]) => [name, bytes(value)]),
  });
  return codecs.map(([codec, partition]) => ({
    codec,
    partition,
    records: fits.map(say),
    indexes: fits.map(({ index }) => index),
  }));
}

export function leaveWritten(name, topic, parts, more = {}) {
  const partitions = parts.map(({ codec, partition, indexes }) => ({ codec, partition, indexes }));
  writeFileSync(join(dataFolder, `written-${name}.json`), JSON.stringify({ topic, partitions, ...more }));
}

/** Topics of others: `{ topic, partitions: { partition, codec, count }[] }[]`, only of the codecs given. */
export const crossIn = (codecs) =>
  json('cross-topics.json').map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.filter(({ codec }) => codecs.includes(codec)),
  }));

export function leaveRead(name, records) {
  const lines = records.map(({ topic, partition, offset, timestampMs, key, value, headers }) =>
    JSON.stringify({
      topic,
      partition,
      offset,
      timestampMs,
      key: text(key),
      value: text(value),
      headers: Buffer.isBuffer(headers) ? text(headers) : headers.map(([name, value]) => [name, text(value)]),
    }),
  );
  const file = join(dataFolder, `read-${name}.jsonl`);
  writeFileSync(file, '');
  for (let i = 0; i < lines.length; i += 1000) appendFileSync(file, `${lines.slice(i, i + 1000).join('\n')}\n`);
}

/** An error with those within it. */
function described(error) {
  const inner = (one) =>
    [...(one.errors ?? []), ...(one.cause ? [one.cause] : [])].flatMap((e) => [String(e), ...inner(e)]);
  return [
    ...String(error?.stack ?? error)
      .split('\n')
      .slice(0, 6),
    ...inner(error ?? {}),
  ].join('\n');
}

/**
 * Runs what was asked for, one after another; what the client has no API for is given as text: why not.
 *
 * @param scenarios by name: a function, or a text
 */
export async function runAsked(scenarios, close = async () => {}) {
  const say = (scenario, event, more = {}) => process.stdout.write(`${JSON.stringify({ scenario, event, ...more })}\n`);
  for (const name of askedText.split(',')) {
    const scenario = scenarios[name];
    if (typeof scenario !== 'function') {
      say(name, 'absent', { ms: 0, note: scenario ?? '' });
      continue;
    }
    say(name, 'begin');
    const sinceMs = Date.now();
    try {
      const note = await scenario();
      say(name, 'passed', { ms: Date.now() - sinceMs, note: typeof note === 'string' ? note : '' });
    } catch (error) {
      say(name, 'failed', { ms: Date.now() - sinceMs, note: described(error) });
    }
  }
  await close();
  process.exit(0);
}

/** Names of topics, groups and ids of one scenario. */
export const named = (client, scenario, more = '') => `${runId}-${client}-${scenario}${more}`;
