// librdkafka's own tests against our node (or --kafka, or --bootstrap HOST:PORT): Debian's source package has them. One
// test a process, so that one that crashes or hangs is one that failed. Those that want several nodes, an authorizer or a
// broker of a certain version are not in the list, nor those that Apache Kafka 4.4.0 alone fails: 0081 (authorizer), 0086,
// 0092 (old message formats), 0103 (three brokers), 0109.
//   node test/conformance/librdkafka-suite.mjs [--kafka | --bootstrap H:P] [--run 0001,0008]
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { NotRun, once, peersFolder, run } from './parts/peers.mjs';
import { runSuite, suiteOptions } from './parts/target.mjs';

const { values: options } = parseArgs({ options: suiteOptions });
const folder = join(peersFolder, 'librdkafka-suite');
const chosen =
  options.run?.split(',') ??
  // By number, as in its tests folder: produce, consume, offsets, groups, admin, idempotence, transactions, codecs, seek.
  '0001 0002 0003 0005 0007 0008 0011 0012 0013 0014 0015 0017 0018 0019 0022 0026 0028 0029 0030 0031 0033 0034 0036 0038 0039 0040 0041 0042 0044 0045 0048 0049 0050 0051 0055 0056 0057 0059 0061 0064 0065 0068 0069 0070 0073 0074 0085 0089 0090 0093 0094 0099 0100 0102 0107 0110 0111 0112 0113 0118 0121'.split(
    ' ',
  );

const sourceOf = () => {
  const name = readdirSync(folder).find(
    (entry) => entry.startsWith('librdkafka-') && existsSync(join(folder, entry, 'tests')),
  );
  if (name === undefined) throw new NotRun('the source package of librdkafka has no tests');
  return join(folder, name);
};

await once(folder, ['librdkafka of Debian'], async () => {
  // The machine's own sources, asked for the source packages.
  const parts = join(folder, 'sources');
  mkdirSync(join(parts, 'lists', 'partial'), { recursive: true });
  const machine = '/etc/apt/sources.list.d';
  for (const name of readdirSync(machine).filter((entry) => entry.endsWith('.sources'))) {
    writeFileSync(
      join(parts, name),
      readFileSync(join(machine, name), 'utf8').replaceAll('Types: deb', 'Types: deb-src'),
    );
  }
  const lists = [
    'Dir::Etc::sourcelist=/dev/null',
    `Dir::Etc::sourceparts=${parts}`,
    `Dir::State::lists=${join(parts, 'lists')}`,
  ];
  const apt = lists.flatMap((list) => ['-o', list]);
  await run('apt-get', [...apt, '-qq', 'update']);
  await run('apt-get', [...apt, 'source', '--download-only', 'librdkafka'], { cwd: folder });
  await run('sh', ['-c', 'rm -rf librdkafka-*/ && dpkg-source -x librdkafka_*.dsc'], { cwd: folder });
  const cwd = sourceOf();
  await run('./configure', ['--disable-curl', '--disable-sasl'], { cwd });
  await run('make', ['-j2', 'libs'], { cwd });
  await run('make', ['-j2', '-C', 'tests', 'build'], { cwd });
});

await runSuite({
  name: 'librdkafka, tests',
  options,
  async work(bootstrap) {
    const cwd = join(sourceOf(), 'tests');
    writeFileSync(join(cwd, 'test.conf'), `bootstrap.servers=${bootstrap}\n`);
    const results = [];
    for (const test of chosen) {
      const env = { ...process.env, LD_LIBRARY_PATH: '../src:../src-cpp', TESTS: test, TEST_KAFKA_VERSION: '2.8.0' };
      const ran = await run('./test-runner', ['-p1', '-Q', '-E'], { cwd, env, timeoutMs: 90_000 }).catch(
        (error) => error,
      );
      const text = String(ran.stdout) + String(ran.stderr);
      const skipped = /TEST \S+ \S* ?SKIPPED|SKIPPED: 1/i.test(text) && !(ran instanceof Error);
      const result = ran instanceof Error ? 'failed' : skipped ? 'skipped' : 'passed';
      process.stdout.write(`  ${result} ${test}\n`);
      const lines = text.split('\n').filter((line) => line.includes('###') && !line.includes('"<MAIN>"'));
      const reason =
        lines.map((line) => stripVTControlCharacters(line)).join('\n') || String(ran.message).split('\n')[0];
      results.push({ test, result, note: result === 'failed' ? reason : '' });
    }
    return results;
  },
});
