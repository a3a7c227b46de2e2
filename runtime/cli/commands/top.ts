// `millrace top`: how a running job fares, from what its processes answer over HTTP: drawn anew each second on a terminal,
// told once elsewhere.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { Fault } from '../../../core/kernel/fault.ts';
import { addressFile, askWholeStatus, type WholeStatus } from '../job-status.ts';
import { loadJob } from '../load-job.ts';
import { dataFolderDefault } from '../options.ts';
import { print, toJson } from '../output.ts';
import { stateFolder } from '../state-folder.ts';
import { topText } from '../top-text.ts';

interface Flags {
  readonly data?: string;
  readonly once?: boolean;
  readonly json?: boolean;
}

const lookEveryMs = 1_000;
/** From the top left corner, over what is there; then the rest of the screen is cleared. */
const [home, clearLine, clearBelow] = ['\x1b[H', '\x1b[K', '\x1b[J'];

const isAddress = (text: string): boolean => /^(https?:\/\/|:?\d+$|[^/\s]+:\d+$)/.test(text);

/** The address is given, or left by the job beside its state. @throws Fault `NO_JOB_THERE` */
async function findJob(given: string, data: string): Promise<{ readonly job: string; readonly address: string }> {
  if (isAddress(given)) {
    const address = given.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
    return { job: given, address: /^:?\d+$/.test(address) ? `127.0.0.1:${address.replace(':', '')}` : address };
  }
  const job = existsSync(given) ? (await loadJob(given)).name : given;
  const address = await readFile(addressFile(stateFolder(data, job)), 'utf8').catch(() => null);
  if (address === null)
    throw new Fault('NO_JOB_THERE', { job, reason: `no run of it over ${data} says where it answers` });
  return { job, address };
}

async function draw(job: string, address: string): Promise<never> {
  process.stdout.write('\x1b[2J');
  let before: WholeStatus | null = null;
  for (;;) {
    const now: WholeStatus = await askWholeStatus(job, address);
    const lines = topText(now, before).split('\n');
    process.stdout.write(`${home}${lines.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}`);
    before = now;
    await sleep(lookEveryMs);
  }
}

export function addTop(program: Command): void {
  program
    .command('top')
    .description('a live view of a job that was started with --metrics')
    .argument('<job>', 'host:port or the URL of one of its processes; or a job file or name, of a run on this machine')
    .option('--data <folder>', `the data folder of that run (default: ${dataFolderDefault})`)
    .option('--once', 'one picture, as where there is no terminal')
    .option('--json', 'one look as a line of JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace top job.ts\n  $ millrace top 127.0.0.1:9464\n  $ millrace top :9464 --once',
    )
    .action(async (given: string, flags: Flags) => {
      const { job, address } = await findJob(given, flags.data ?? dataFolderDefault);
      if (flags.json === true) return print(toJson(await askWholeStatus(job, address)));
      if (flags.once === true || !process.stdout.isTTY) return print(await twoLooks(job, address));
      await draw(job, address);
    });
}

/** Rates need two looks. */
async function twoLooks(job: string, address: string): Promise<string> {
  const before = await askWholeStatus(job, address);
  await sleep(lookEveryMs);
  return topText(await askWholeStatus(job, address), before);
}
