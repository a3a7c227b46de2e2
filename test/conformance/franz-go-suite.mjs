// franz-go's own tests of its client, those that speak to a node, against ours (or --kafka, or --bootstrap HOST:PORT).
// The module's zip has them. Share groups and authentication are left out: a node doesn't serve them.
//   node test/conformance/franz-go-suite.mjs [--kafka | --bootstrap H:P] [--run REGEX] [--records N]
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { once, peersFolder, run } from './parts/peers.mjs';
import { runSuite, suiteOptions } from './parts/target.mjs';

const version = '1.22.3';
const { values: options } = parseArgs({ options: { ...suiteOptions, records: { type: 'string', default: '10000' } } });
const folder = join(peersFolder, 'franz-go-suite');
const program = join(folder, 'kgo.test');

async function build() {
  await once(folder, [`franz-go ${version}`], async () => {
    const { stdout } = await run('go', ['mod', 'download', '-json', `github.com/twmb/franz-go@v${version}`]);
    const source = join(folder, 'source');
    rmSync(source, { recursive: true, force: true });
    cpSync(JSON.parse(stdout.toString()).Dir, source, { recursive: true });
    await run('chmod', ['-R', 'u+w', source]);
    await run('go', ['test', '-c', '-o', program, '.'], { cwd: join(source, 'pkg', 'kgo') });
  });
}

function resultsOf(text) {
  const results = [];
  for (const [, verdict, test] of text.matchAll(/^--- (PASS|FAIL|SKIP): (\S+)/gm)) {
    const result = { PASS: 'passed', FAIL: 'failed', SKIP: 'skipped' }[verdict];
    const after = text.split(`--- ${verdict}: ${test} `)[1].split('\n').slice(1, 5);
    const note = result === 'passed' ? '' : after.filter((line) => !/^(===|---)/.test(line)).join('\n');
    results.push({ test, result, note });
  }
  if (/^panic:/m.test(text)) results.push({ test: 'the whole', result: 'failed', note: /^panic:.*/m.exec(text)[0] });
  return results;
}

await build();
await runSuite({
  name: `franz-go ${version}, pkg/kgo`,
  options,
  async work(bootstrap) {
    const chosen = options.run ? ['-test.run', options.run] : ['-test.skip', 'TestShare|SCRAM|Scram|OAuth'];
    const env = { ...process.env, KGO_SEEDS: bootstrap, KGO_TEST_RF: '1', KGO_TEST_RECORDS: options.records };
    const args = ['-test.v', '-test.timeout', '15m', ...chosen];
    const ran = await run(program, args, { cwd: join(folder, 'source', 'pkg', 'kgo'), env, timeoutMs: 960_000 }).catch(
      (error) => error,
    );
    return resultsOf(String(ran.stdout));
  },
});
