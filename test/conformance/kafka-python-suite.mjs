// kafka-python's own integration tests against our node (or --kafka, or --bootstrap HOST:PORT): its source package has
// them. They take the node for one that runs elsewhere, and are told the version that it stands for.
//   node test/conformance/kafka-python-suite.mjs [--kafka | --bootstrap H:P] [--run KEYWORDS]
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { once, peersFolder, run } from './parts/peers.mjs';
import { runSuite, suiteOptions } from './parts/target.mjs';

const version = '3.0.12';
const kafkaVersion = '4.2.0';
const { values: options } = parseArgs({ options: suiteOptions });
const service = `
class ExternalService:
    def __init__(self, host, port):
        self.host, self.port = host, port

    def open(self):
        pass

    def close(self):
        pass


class SpawnedService:
    pass
`;
const folder = join(peersFolder, 'kafka-python-suite');
const python = join(folder, 'python', 'bin', 'python');
const source = join(folder, `kafka_python-${version}`);

await once(folder, [`kafka-python ${version}`, service], async () => {
  await run('python3', ['-m', 'venv', join(folder, 'python')]);
  const packages = [
    'pytest',
    'pytest-timeout',
    'pytest-asyncio',
    'pytest-mock',
    'mock',
    'lz4',
    'python-snappy',
    'zstandard',
    'crc32c',
  ];
  await run(python, ['-m', 'pip', 'install', '--quiet', ...packages]);
  const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:', '-d', folder];
  await run(python, [...download, `kafka-python==${version}`]);
  const archive = readdirSync(folder).find((name) => name.endsWith('.tar.gz'));
  await run('tar', ['-xzf', join(folder, archive), '-C', folder]);
  await run(python, ['-m', 'pip', 'install', '--quiet', source]);
  // The package lacks these two: without the first `test` is a module of Python's own, the second is for brokers that the
  // tests start themselves.
  writeFileSync(join(source, 'test', '__init__.py'), '');
  writeFileSync(join(source, 'test', 'service.py'), service);
  mkdirSync(join(source, 'servers', kafkaVersion, 'kafka-bin'), { recursive: true });
});

await runSuite({
  name: `kafka-python ${version}, test/integration`,
  options,
  async work(bootstrap) {
    const keywords = options.run ?? 'not offsets_for_times_errors and not sasl and not ssl';
    const args = [
      '-m',
      'pytest',
      'test/integration',
      '-v',
      '--timeout',
      '20',
      '--timeout-method=signal',
      '-k',
      keywords,
    ];
    const env = { ...process.env, KAFKA_URI: `kafka://${bootstrap}`, KAFKA_VERSION: kafkaVersion, COLUMNS: '400' };
    const ran = await run(python, args, { cwd: source, env, timeoutMs: 900_000 }).catch((error) => error);
    const text = String(ran.stdout);
    if (!/\d+ passed/.test(text)) throw ran;
    const verdicts = { PASSED: 'passed', FAILED: 'failed', ERROR: 'failed', SKIPPED: 'skipped', XFAIL: 'skipped' };
    return [...text.matchAll(/^(test\/\S+::\S+).* (PASSED|FAILED|ERROR|SKIPPED|XFAIL)\b/gm)].map(
      ([, test, verdict]) => ({
        test,
        result: verdicts[verdict],
        note: new RegExp(`^(?:FAILED|ERROR) ${test.replace(/[[\]]/g, '\\$&')} - (.*)$`, 'm').exec(text)?.[1],
      }),
    );
  },
});
