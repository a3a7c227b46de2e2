// kcat through the scenarios, as a person uses it: each step is a command. It makes no topics but by writing to them.
import { spawn } from 'node:child_process';
import {
  bootstrap,
  check,
  crossIn,
  crossOut,
  equal,
  leaveRead,
  leaveWritten,
  named,
  runAsked,
  sleep,
  startMs,
  until,
} from '../node/harness.mjs';

const codecs = ['none', 'gzip', 'snappy', 'lz4'];
const name = (scenario, more) => named('kcat', scenario, more);
const running = new Set();
const range = (count, from = 0) => Array.from({ length: count }, (_, i) => i + from);

function start(args) {
  const child = spawn('kcat', ['-b', bootstrap, '-X', 'fetch.wait.max.ms=100', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const self = { child, out: Buffer.alloc(0), errors: '' };
  running.add(child);
  child.stdout.on('data', (chunk) => {
    self.out = Buffer.concat([self.out, chunk]);
  });
  child.stderr.on('data', (chunk) => {
    self.errors += chunk;
  });
  child.stdin.on('error', () => {});
  self.ended = new Promise((resolve) => {
    child.on('close', (status) => {
      running.delete(child);
      resolve(status);
    });
  });
  return self;
}

async function kcat(args, input = '') {
  const self = start(args);
  self.child.stdin.end(input);
  const status = await self.ended;
  check(status === 0, `kcat ${args.join(' ')} ended with ${status}: ${self.errors}`);
  return self.out;
}
const text = async (args, input) => (await kcat(args, input)).toString();
const write = (topic, lines, more = []) =>
  kcat(['-P', '-t', topic, '-p', '0', ...more], lines.map((l) => `${l}\n`).join(''));
const read = async (topic, more = []) =>
  (await text(['-C', '-t', topic, '-p', '0', '-e', '-q', '-f', '%o %s\n', ...more])).trim().split('\n').filter(Boolean);
const filled = async (scenario) => {
  const topic = name(scenario);
  await write(
    topic,
    range(100).map((i) => `v${i}`),
    ['-X', 'linger.ms=0', '-X', 'batch.num.messages=10'],
  );
  return topic;
};

/** Records as `-f` prints them: places and lengths first, headers as text at the line's end, then key and value. */
function parse(topic, out) {
  const records = [];
  for (let at = 0; at < out.length; ) {
    const end = out.indexOf(10, at);
    const line = out.subarray(at, end);
    const fields = line.toString('latin1').split(' ', 5);
    const [partition, offset, timestampMs, keyLength, valueLength] = fields.map(Number);
    const headersText = line.subarray(fields.join(' ').length + 1);
    at = end + 1;
    const take = (length) => (length < 0 ? null : out.subarray(at, (at += length)));
    const key = take(keyLength);
    const value = take(valueLength);
    at++;
    records.push({ topic, partition, offset, timestampMs, key, value, headers: headersText });
  }
  return records;
}

await runAsked(
  {
    async cluster() {
      const { brokers, controllerid } = JSON.parse(await text(['-L', '-J']));
      equal(brokers[0].name, bootstrap, 'address');
      equal(
        brokers.some(({ id }) => id === controllerid),
        true,
        'controller is one of the brokers',
      );
    },

    async topics() {
      const topic = name('topics');
      await write(topic, ['a']);
      const listed = JSON.parse(await text(['-L', '-J', '-t', topic])).topics[0];
      equal(listed.partitions.length, 4, 'partitions of a topic made by writing to it');
    },

    async roundtrip() {
      for (const codec of codecs) {
        const topic = name('roundtrip', codec);
        await write(
          topic,
          range(300).map((i) => (i % 7 === 0 ? `v${i}` : `k${i}:v${i}`)),
          ['-K:', '-z', codec],
        );
        const lines = (await text(['-C', '-t', topic, '-p', '0', '-e', '-q', '-Z', '-f', '%k %s\n']))
          .trim()
          .split('\n');
        equal(
          lines,
          range(300).map((i) => (i % 7 === 0 ? `NULL v${i}` : `k${i} v${i}`)),
          codec,
        );
      }
      for (const acks of [0, 1, -1]) {
        const topic = name('roundtrip', `acks${acks}`);
        await write(topic, ['a']);
        await write(topic, ['b', 'c'], ['-X', `acks=${acks}`]);
        await until(async () => (await read(topic)).length === 3, `acks ${acks}`);
      }
      return codecs.join(' ');
    },

    async seek() {
      const topic = await filled('seek');
      equal((await read(topic, ['-o', '40', '-c', '1']))[0], '40 v40', 'from an offset');
      equal((await read(topic, ['-o', '-5'])).length, 5, 'the last five');
      equal((await read(topic, ['-o', `s@${startMs}`])).length, 100, 'from a time');
      const end = start(['-C', '-t', topic, '-p', '0', '-o', 'end', '-q', '-c', '1', '-f', '%o %s\n']);
      await sleep(1_000);
      await write(topic, ['new']);
      await end.ended;
      equal(String(end.out), '100 new\n', 'from the end');
    },

    async offsets() {
      const topic = await filled('offsets');
      const at = async (spec) => /offset (-?\d+)/.exec(await text(['-Q', '-t', `${topic}:0:${spec}`]))?.[1];
      equal(await at(-2), '0', 'earliest');
      equal(await at(-1), '100', 'latest');
      equal(await at(startMs), '0', 'by time');
    },

    async group() {
      const topic = name('group');
      const groupId = name('group', '-g');
      await write(topic, ['first']);
      const join = () => start(['-G', groupId, '-q', '-u', '-X', 'auto.offset.reset=earliest', '-f', '%p %o\n', topic]);
      const lines = (one) => String(one.out).split('\n').filter(Boolean);
      const first = join();
      await until(() => lines(first).length === 1, 'the first record');
      const second = join();
      const places = new Set();
      let last;
      await until(async () => {
        await Promise.all(range(4).map((p) => kcat(['-P', '-t', topic, '-p', String(p)], 'x\n')));
        await sleep(200);
        for (const one of [first, second]) for (const line of lines(one)) places.add(line);
        last = [first, second].map(
          (one) =>
            new Set(
              lines(one)
                .slice(-2)
                .map((line) => line.split(' ')[0]),
            ).size,
        );
        return last[0] === 2 && last[1] === 2;
      }, 'two partitions each');
      for (const one of [first, second]) {
        one.child.kill('SIGTERM');
        await one.ended;
      }
      await write(topic, ['after']);
      const third = join();
      await until(() => lines(third).length >= 1, 'a record after the restart');
      await sleep(300);
      equal(lines(third).length, 1, `records after the restart`);
      third.child.kill('SIGTERM');
      await third.ended;
    },

    async idempotent() {
      const topic = name('idempotent');
      const more = ['-X', 'enable.idempotence=true', '-X', 'batch.num.messages=7', '-X', 'linger.ms=0'];
      await write(
        topic,
        range(2_000).map((i) => `v${i}`),
        more,
      );
      equal(
        await read(topic),
        range(2_000).map((i) => `${i} v${i}`),
        'all once, in order',
      );
    },

    async transactions() {
      const topic = name('transactions');
      const transactional = ['-P', '-t', topic, '-p', '0', '-X', `transactional.id=${topic}`];
      await kcat(transactional, 'a\nb\n');
      const aborted = start(transactional);
      // It sends only once it has read much.
      for (let i = 0; i < 200; i++) aborted.child.stdin.write(`c${'x'.repeat(1_000)}\n`);
      const uncommitted = () => read(topic, ['-X', 'isolation.level=read_uncommitted']);
      await until(async () => (await uncommitted()).length > 4, 'uncommitted records');
      aborted.child.kill('SIGINT');
      await sleep(200);
      aborted.child.stdin.end();
      await aborted.ended;
      await kcat(transactional, 'e\n');
      const values = (await read(topic, ['-X', 'isolation.level=read_committed'])).map((line) => line.split(' ')[1]);
      equal(values, ['a', 'b', 'e'], 'committed');
    },

    async crossWrite() {
      const topic = name('crossWrite');
      const cannot = ['binary', 'emptyBytes', 'binaryHeader'];
      const parts = crossOut(
        codecs.map((codec, partition) => [codec, partition]),
        cannot,
      );
      for (const part of parts) {
        const { codec, partition } = part;
        const all = part.records.map((record, i) => ({ ...record, index: part.indexes[i] }));
        const plain = all.filter(({ headers }) => headers.length === 0);
        const others = all.filter(({ headers }) => headers.length > 0).slice(0, 6);
        const line = ({ key, value }) => (key === null ? `${value}\n` : `${key}|${value ?? ''}\n`);
        const args = ['-P', '-t', topic, '-p', String(partition), '-z', codec, '-K|', '-Z'];
        await kcat(args, plain.map(line).join(''));
        for (const one of others) {
          const headers = one.headers.flatMap(([header, value]) => [
            '-H',
            value === null ? header : `${header}=${value}`,
          ]);
          await kcat([...args, ...headers], line(one));
        }
        part.indexes = [...plain, ...others].map(({ index }) => index);
      }
      leaveWritten('kcat', topic, parts, { timestamps: false });
    },

    async crossRead() {
      const records = [];
      for (const { topic, partitions } of crossIn([...codecs, 'zstd'])) {
        for (const { partition } of partitions) {
          const format = '%p %o %T %K %S %h\n%k%s\n';
          records.push(
            ...parse(topic, await kcat(['-C', '-t', topic, '-p', String(partition), '-e', '-q', '-f', format])),
          );
        }
      }
      leaveRead('kcat', records);
    },
  },
  async () => {
    for (const child of running) child.kill('SIGKILL');
  },
);
